/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "control.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>

/*
 * Preloaded, it makes the kernel's table read back as another one. EGRESSD_READBACK_FAULTS names
 * the file of struct control; counted is each part of table inet egressd that an answer tells of:
 * the generation, the table, a chain, a rule, a set, an element, an object. The kind is a lie, and
 * how long it is told. With a value, the first lie takes so many microseconds to be told. Behind
 * the struct it notes how many parts were counted when each batch was sent, from the first one.
 */
enum lie {
	HIDE,  /* the part is not there */
	ALTER, /* it is another one */
	GHOST, /* another one is there beside it */
};

enum span {
	ONCE,
	SAME, /* and of the same part each time that it is told of */
	ALL,  /* and of everything from there on */
};

#define PARTS_BYTES (512 * 1024)
#define BATCHES_MAX 16
#define LIES        3

static struct control *control;
static ssize_t (*next_recvmsg)(int, struct msghdr *, int);
static ssize_t (*next_send)(int, const void *, size_t, int);

/* The part that is always lied about. */
static struct {
	bool is;
	uint64_t what;
} same;

/* The datagram as it is told. */
static struct {
	size_t length;
	_Alignas(8) unsigned char bytes[PARTS_BYTES];
} told;

__attribute__((constructor)) static void begin(void)
{
	*(void **)&next_recvmsg = dlsym(RTLD_NEXT, "recvmsg");
	*(void **)&next_send = dlsym(RTLD_NEXT, "send");
	control = control_map("EGRESSD_READBACK_FAULTS");
}

static uint64_t mix(uint64_t hash, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++)
		hash = (hash ^ at[i]) * 1099511628211u;
	return hash;
}

/* The attribute of that type among so many bytes of them; NULL when there is none. */
static struct nlattr *find(unsigned char *bytes, size_t length, unsigned type)
{
	for (size_t at = 0; at + NLA_HDRLEN <= length;) {
		struct nlattr *attribute = (struct nlattr *)(bytes + at);
		if (attribute->nla_len < NLA_HDRLEN || attribute->nla_len > length - at)
			return NULL;
		if ((attribute->nla_type & NLA_TYPE_MASK) == type)
			return attribute;
		at += NLA_ALIGN(attribute->nla_len);
	}
	return NULL;
}

static unsigned char *payload(struct nlattr *attribute)
{
	return (unsigned char *)attribute + NLA_HDRLEN;
}

static size_t size_of(const struct nlattr *attribute)
{
	return attribute->nla_len - NLA_HDRLEN;
}

static struct nlattr *inside(struct nlattr *outer, unsigned type)
{
	return outer ? find(payload(outer), size_of(outer), type) : NULL;
}

#define HEADER (NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(struct nfgenmsg)))

static struct nlattr *field(struct nlmsghdr *message, unsigned type)
{
	return message->nlmsg_len < HEADER
	               ? NULL
	               : find((unsigned char *)message + HEADER, message->nlmsg_len - HEADER, type);
}

static unsigned kind_of(const struct nlmsghdr *message)
{
	return message->nlmsg_type & 0xff;
}

/* The attribute that names the part, or tells what a rule does. */
static unsigned name_of(unsigned kind)
{
	switch (kind) {
	case NFT_MSG_NEWTABLE:
		return NFTA_TABLE_NAME;
	case NFT_MSG_NEWCHAIN:
		return NFTA_CHAIN_NAME;
	case NFT_MSG_NEWRULE:
		return NFTA_RULE_EXPRESSIONS;
	case NFT_MSG_NEWSET:
		return NFTA_SET_NAME;
	case NFT_MSG_NEWOBJ:
		return NFTA_OBJ_NAME;
	case NFT_MSG_NEWGEN:
		return NFTA_GEN_ID;
	default:
		return 0;
	}
}

/* True for an answer about our table, or about the generation. */
static bool is_told_of(struct nlmsghdr *message)
{
	if (NFNL_SUBSYS_ID(message->nlmsg_type) != NFNL_SUBSYS_NFTABLES)
		return false;
	if (kind_of(message) == NFT_MSG_NEWGEN)
		return true;
	struct nlattr *table = field(message, 1); /* in each kind of message that is the table */
	return table && (name_of(kind_of(message)) || kind_of(message) == NFT_MSG_NEWSETELEM) &&
	       size_of(table) >= sizeof("egressd") && memcmp(payload(table), "egressd", 8) == 0;
}

static uint64_t identity_of(struct nlmsghdr *message, struct nlattr *element)
{
	unsigned kind = kind_of(message);
	uint64_t hash = mix(14695981039346656037u, &kind, sizeof(kind));
	struct nlattr *attribute = NULL;
	if (kind == NFT_MSG_NEWGEN)
		return hash;
	if (element) {
		attribute = field(message, NFTA_SET_ELEM_LIST_SET);
		hash = mix(hash, payload(attribute), size_of(attribute));
		attribute = inside(element, NFTA_SET_ELEM_KEY);
	} else {
		if (kind == NFT_MSG_NEWRULE && (attribute = field(message, NFTA_RULE_CHAIN)))
			hash = mix(hash, payload(attribute), size_of(attribute));
		attribute = field(message, name_of(kind));
	}
	return attribute ? mix(hash, payload(attribute), size_of(attribute)) : hash;
}

static bool lies_about(uint64_t what)
{
	enum span span = (enum span)(control->kind / LIES);
	if (control->done == 0)
		same.is = false;
	bool again = span == SAME && same.is && same.what == what;
	bool lies = control_fails(control);
	if (lies && span == SAME) {
		same.is = true;
		same.what = what;
	}
	if (again && !lies)
		control->done++;
	if (lies && control->done == 1 && control->value)
		usleep((useconds_t)control->value);
	return lies || again;
}

static void flip(struct nlattr *attribute, size_t from_end)
{
	if (attribute && size_of(attribute) >= from_end)
		payload(attribute)[size_of(attribute) - from_end] ^= 1;
}

/* Makes the part another one. With ghost, it is to stand beside the real one. */
static void alter(struct nlmsghdr *message, struct nlattr *element, bool ghost)
{
	struct nlattr *policy = field(message, NFTA_CHAIN_POLICY);
	unsigned kind = kind_of(message);
	if (element)
		flip(inside(inside(element, NFTA_SET_ELEM_KEY), NFTA_DATA_VALUE), 1);
	else if (kind == NFT_MSG_NEWRULE && ghost)
		flip(field(message, NFTA_RULE_HANDLE), 3);
	else if (kind == NFT_MSG_NEWRULE)
		flip(field(message, NFTA_RULE_EXPRESSIONS), 1);
	else if (kind == NFT_MSG_NEWCHAIN && policy && !ghost)
		flip(policy, 1);
	else if (kind == NFT_MSG_NEWTABLE && !ghost)
		flip(field(message, NFTA_TABLE_FLAGS), 1); /* dormant */
	else if (kind == NFT_MSG_NEWGEN)
		flip(field(message, NFTA_GEN_ID), 1);
	else
		flip(field(message, name_of(kind)), 2); /* before the end of the string */
}

static void tell(const void *bytes, size_t length)
{
	if (told.length + length > sizeof(told.bytes))
		abort();
	memcpy(told.bytes + told.length, bytes, length);
	memset(told.bytes + told.length + length, 0, NLMSG_ALIGN(length) - length);
	told.length += NLMSG_ALIGN(length);
}

/* One message that is one part. */
static void tell_part(struct nlmsghdr *message)
{
	enum lie lie = (enum lie)(control->kind % LIES);
	unsigned kind = kind_of(message);
	size_t at = told.length;
	if (!lies_about(identity_of(message, NULL))) {
		tell(message, message->nlmsg_len);
		return;
	}
	if (lie == GHOST && (kind == NFT_MSG_NEWGEN || kind == NFT_MSG_NEWTABLE))
		lie = ALTER; /* there is only one */
	if (lie == GHOST) {
		tell(message, message->nlmsg_len);
		at = told.length;
	}
	if (lie == HIDE)
		return;
	tell(message, message->nlmsg_len);
	alter((struct nlmsghdr *)(told.bytes + at), NULL, lie == GHOST);
}

/* One that tells of elements, each of which is a part. */
static void tell_elements(struct nlmsghdr *message)
{
	enum lie lie = (enum lie)(control->kind % LIES);
	struct nlattr *list = field(message, NFTA_SET_ELEM_LIST_ELEMENTS);
	if (!list) {
		tell(message, message->nlmsg_len);
		return;
	}
	size_t start = told.length,
	       before = (size_t)((unsigned char *)list - (unsigned char *)message);
	tell(message, before + NLA_HDRLEN);
	for (size_t at = 0; at + NLA_HDRLEN <= size_of(list);) {
		struct nlattr *element = (struct nlattr *)(payload(list) + at);
		size_t length = NLA_ALIGN(element->nla_len);
		bool lies = lies_about(identity_of(message, element));
		if (!lies || lie == GHOST)
			tell(element, element->nla_len);
		if (lies && lie != HIDE) {
			struct nlattr *copy = (struct nlattr *)(told.bytes + told.length);
			tell(element, element->nla_len);
			alter((struct nlmsghdr *)(told.bytes + start), copy, lie == GHOST);
		}
		at += length;
	}
	struct nlattr *copy = (struct nlattr *)(told.bytes + start + before);
	copy->nla_len = (uint16_t)(told.length - start - before);
	size_t end = before + NLA_ALIGN(list->nla_len);
	if (end < message->nlmsg_len)
		tell((unsigned char *)message + end, message->nlmsg_len - end);
	((struct nlmsghdr *)(told.bytes + start))->nlmsg_len = (uint32_t)(told.length - start);
}

static void tell_all(unsigned char *bytes, size_t length)
{
	told.length = 0;
	for (size_t at = 0; at + NLMSG_HDRLEN <= length;) {
		struct nlmsghdr *message = (struct nlmsghdr *)(bytes + at);
		if (message->nlmsg_len < NLMSG_HDRLEN || message->nlmsg_len > length - at)
			return;
		if (!is_told_of(message))
			tell(message, message->nlmsg_len);
		else if (kind_of(message) == NFT_MSG_NEWSETELEM)
			tell_elements(message);
		else
			tell_part(message);
		at += NLMSG_ALIGN(message->nlmsg_len);
	}
}

/* Netlink of netfilter, asked by us: what the kernel tells to all who listen is left alone. */
static bool is_answer(int fd, const struct msghdr *message)
{
	const struct sockaddr_nl *from = message->msg_name;
	int domain = 0, protocol = 0;
	socklen_t length = sizeof(int), other = sizeof(int);
	return from && message->msg_namelen == sizeof(*from) && from->nl_groups == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0 &&
	       getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &other) == 0 &&
	       domain == AF_NETLINK && protocol == NETLINK_NETFILTER;
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
	ssize_t n = next_recvmsg(fd, message, flags);
	if (n <= 0 || !control || !control->armed || (message->msg_flags & MSG_TRUNC) ||
	    !is_answer(fd, message))
		return n;
	struct iovec *part = message->msg_iov;
	tell_all(part->iov_base, (size_t)n);
	if (told.length > part->iov_len)
		return n;
	memcpy(part->iov_base, told.bytes, told.length);
	if (told.length)
		return (ssize_t)told.length;
	/* A datagram is never empty: this one says nothing. */
	struct nlmsghdr nothing = {.nlmsg_len = sizeof(nothing), .nlmsg_type = NLMSG_NOOP};
	memcpy(part->iov_base, &nothing, sizeof(nothing));
	return sizeof(nothing);
}

ssize_t send(int fd, const void *bytes, size_t length, int flags)
{
	const struct nlmsghdr *message = bytes;
	uint64_t *batches = (uint64_t *)(control + 1); /* in the rest of the page */
	if (control && control->armed && length >= sizeof(*message) &&
	    message->nlmsg_type == NFNL_MSG_BATCH_BEGIN && batches[0] < BATCHES_MAX)
		batches[++batches[0]] = control->count;
	return next_send(fd, bytes, length, flags);
}
