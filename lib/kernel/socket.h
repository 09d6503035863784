/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef EGRESSD_KERNEL_SOCKET_H
#define EGRESSD_KERNEL_SOCKET_H

#include "base/cleanup.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Netlink to nf_tables: one socket that asks, and one through which all commits go. A table that is
 * owned is owned by the latter, for as long as any process has it open. It joins no multicast group
 * and is asked nothing, so that an overrun is never a reason to close it.
 */
struct kernel;
struct nlmsghdr;
struct owner;
struct view;
struct wire;

#define KERNEL_READ_TRIES 16 /* of a dump or a table that changes while it is read */

/*
 * Opens the socket in the network namespace of the calling thread; 0 or a negative errno, such as
 * -EPROTONOSUPPORT for a kernel without netfilter's netlink.
 */
int kernel_open(struct kernel **ret_kernel);

/* The same for who never commits anything. */
int kernel_open_asking(struct kernel **ret_kernel);

/* Closes the sockets and releases what belongs to it; takes NULL, returns NULL. */
struct kernel *kernel_free(struct kernel *kernel);
DEFINE_CLEANUP(struct kernel *, kernel_free)

/* The file descriptor of the socket that asks, which stays the kernel's; and the one that commits.
 */
int kernel_fd(const struct kernel *kernel);
int kernel_commit_fd(const struct kernel *kernel);

/* The port of the socket that commits, by which the kernel knows an owner; 0 when there is none. */
uint32_t kernel_commit_port(const struct kernel *kernel);

/*
 * Commits from now on go through that socket, which an earlier process had; it is taken over. 0;
 * -EBADF when it is no socket of that kind; or another negative errno. Unless 0 it stays the
 * caller's.
 */
int kernel_take_commit_fd(struct kernel *kernel, int fd);

/* Commits from now on go through a new socket; what the old one owned is nobody's. 0 or an errno.
 */
int kernel_renew_commit_fd(struct kernel *kernel);

/* What is known and wished of ownership, and what is known of the table: ownership.h, view.h. */
struct owner *kernel_owner(struct kernel *kernel);
struct view *kernel_known(struct kernel *kernel);

/*
 * Elements up to which a set is read back; of larger ones the number and a sample say enough, since
 * the time of a dump grows with the square of the set. READ_WHOLE_MAX unless told otherwise.
 */
#define READ_WHOLE_MAX 200000
size_t kernel_whole_max(const struct kernel *kernel);
void kernel_set_whole_max(struct kernel *kernel, size_t elements);

/* A sequence number that no message before had. */
uint32_t kernel_sequence(struct kernel *kernel);

/* Marks that many numbers from kernel_sequence() on as used. */
void kernel_skip_sequences(struct kernel *kernel, size_t count);

/*
 * Asks for buffers of that many bytes: beyond the system's limit where we may (SO_RCVBUFFORCE needs
 * CAP_NET_ADMIN in the first user namespace), else up to it. A smaller buffer than the one that is
 * there is asked for as well. The one for receiving is that of both sockets, the one for sending
 * that of commits. 0 or a negative errno.
 */
int kernel_receive_buffer(struct kernel *kernel, size_t bytes);
int kernel_send_buffer(struct kernel *kernel, size_t bytes);

/*
 * Called with each message of an answer; a negative errno from it becomes the request's result.
 * -EFBIG: nothing more is wanted of a dump; the socket is then good for being closed.
 */
typedef int (*kernel_reply_t)(const struct nlmsghdr *message, void *userdata);

/*
 * Sends one message, the only one in wire, which asks for a dump (NLM_F_DUMP) or an
 * acknowledgement (NLM_F_ACK), and reads the answer to its end. 0; the errno of the kernel or of
 * reply; -EINTR: the dump was not consistent; -ENOBUFS: something of the answer was lost;
 * -ETIMEDOUT: the kernel did not end it.
 */
int kernel_request(struct kernel *kernel, const struct wire *wire, kernel_reply_t reply,
                   void *userdata);

/*
 * Reads what is there now, without waiting, and gives each message of the kernel to reply. 0 when
 * nothing is left, -ENOBUFS when that was all but something was lost, else a negative errno.
 */
int kernel_drain(struct kernel *kernel, kernel_reply_t reply, void *userdata);

/*
 * Sends a batch through the socket that commits; 0 or a negative errno. When it returns the commit
 * is over, and all answers that there will ever be are there: kernel_commit_drain() reads them, as
 * kernel_drain() does for the other socket.
 */
int kernel_commit_send(struct kernel *kernel, const struct wire *wire);
int kernel_commit_drain(struct kernel *kernel, kernel_reply_t reply, void *userdata);

/* Notes that a commit of ours made that generation, and tells whether one did, of late. */
void kernel_note_ours(struct kernel *kernel, uint32_t generation);
bool kernel_is_ours(const struct kernel *kernel, uint32_t generation);

/* The generation id of the nf_tables ruleset, which each commit advances; 0 or a negative errno. */
int kernel_generation(struct kernel *kernel, uint32_t *ret_generation);

#endif
