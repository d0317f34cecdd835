/* SPDX-License-Identifier: Apache-2.0 */
/*
 * net.h - where the guest's frames go: a tap device of the host, or a network of its own that ends
 * in this process (libslirp: the guest is 10.0.2.15, the host 10.0.2.2, names are asked at
 * 10.0.2.3; nobody can connect to the guest).
 */
#ifndef VM_HOST_NET_H
#define VM_HOST_NET_H

#include <groundwork/base.h>

#include <poll.h>

enum { VM_NET_POLLS_MAX = 512, VM_NET_FRAMES_MAX = 256 };

struct vm_net;

struct vm_net_kind {
	void (*send)(struct vm_net *net, struct gw_bytes frame);
	/* What is to be polled, from polls[0] on: how many. *timeout_ms is made less if need be. */
	size_t (*fill)(struct vm_net *net, struct pollfd *polls, size_t room, int *timeout_ms);
	void (*polled)(struct vm_net *net, const struct pollfd *polls, size_t count);
	/* The next frame for the guest; false: none yet. Valid until the next call of any. */
	bool (*take)(struct vm_net *net, struct gw_bytes *frame);
	void (*free)(struct vm_net *net);
};

struct vm_net {
	const struct vm_net_kind *kind;
	bool gone; /* nothing comes or goes any more */
};

/* what: "user" or "tap:NAME". GW_E_INVALID, and what the system says. */
int vm_net_open(struct vm_net **net, const char *what, struct gw_error *error) GW_MUST_CHECK;
int vm_net_open_tap(struct vm_net **net, const char *name, struct gw_error *error) GW_MUST_CHECK;
int vm_net_open_user(struct vm_net **net, struct gw_error *error) GW_MUST_CHECK;
void vm_net_close(struct vm_net *net); /* NULL is fine */

#endif
