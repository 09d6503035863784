/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy/helpers.h"

#include "policy/policy.h"

#include <netinet/in.h>

#define FAMILIES_IPV4 FAMILY_BIT(FAMILY_IPV4)

/*
 * H.323 has three: RAS finds the callee, Q.931 sets the call up, and H.245, which the kernel gives
 * to the connection that Q.931 agrees on, opens the channels of speech.
 */
const struct helper_kind helper_kinds[HELPER_KIND_COUNT] = {
        {"ftp", "nf_conntrack_ftp", .tcp = FAMILIES_BOTH},
        {"tftp", "nf_conntrack_tftp", .udp = FAMILIES_BOTH},
        {"sip", "nf_conntrack_sip", .tcp = FAMILIES_BOTH, .udp = FAMILIES_BOTH},
        {"irc", "nf_conntrack_irc", .tcp = FAMILIES_IPV4},
        {"pptp", "nf_conntrack_pptp", .tcp = FAMILIES_IPV4},
        {"amanda", "nf_conntrack_amanda", .udp = FAMILIES_BOTH},
        {"snmp", "nf_conntrack_snmp", .udp = FAMILIES_IPV4},
        {"netbios-ns", "nf_conntrack_netbios_ns", .udp = FAMILIES_IPV4},
        {"sane", "nf_conntrack_sane", .tcp = FAMILIES_BOTH},
        {"RAS", "nf_conntrack_h323", .udp = FAMILIES_BOTH, .followers = {"Q.931", "H.245"}},
        {"Q.931", "nf_conntrack_h323", .tcp = FAMILIES_BOTH, .followers = {"H.245"}},
        {"H.245", "nf_conntrack_h323", .udp = FAMILIES_BOTH},
};

const struct helper_kind *helper_kind(const char *name)
{
	for (size_t i = 0; i < HELPER_KIND_COUNT; i++)
		if (strcmp(helper_kinds[i].name, name) == 0)
			return &helper_kinds[i];
	return NULL;
}

uint8_t helper_kind_families(const struct helper_kind *kind, uint8_t protocol)
{
	return protocol == IPPROTO_TCP ? kind->tcp : protocol == IPPROTO_UDP ? kind->udp : 0;
}

void helper_set_add(struct helper_set *set, const struct helper_kind *kind, uint8_t protocol,
                    uint8_t families)
{
	if (protocol == IPPROTO_TCP)
		set->of[kind - helper_kinds].tcp |= families;
	else if (protocol == IPPROTO_UDP)
		set->of[kind - helper_kinds].udp |= families;
}

uint8_t helper_set_families(const struct helper_set *set, const struct helper_kind *kind,
                            uint8_t protocol)
{
	return protocol == IPPROTO_TCP   ? set->of[kind - helper_kinds].tcp
	       : protocol == IPPROTO_UDP ? set->of[kind - helper_kinds].udp
	                                 : 0;
}

uint8_t policy_helper_families(const struct policy *policy, const char *name, uint8_t protocol)
{
	const struct helper_kind *kind = helper_kind(name);
	if (!kind)
		return 0;
	uint8_t lacking = helper_set_families(&policy->lacking_helpers, kind, protocol);
	return helper_kind_families(kind, protocol) & (uint8_t)~lacking;
}
