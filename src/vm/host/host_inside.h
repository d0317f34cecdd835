/* SPDX-License-Identifier: Apache-2.0 */
/*
 * host_inside.h - what the files of the host's side know of each other.
 */
#ifndef VM_HOST_HOST_INSIDE_H
#define VM_HOST_HOST_INSIDE_H

#include "vm/host/console.h"
#include "vm/host/control.h"
#include "vm/host/disk.h"
#include "vm/host/host.h"
#include "vm/host/net.h"

enum { VM_HOST_PATH_BYTES = 4096 };

/* What an image has: paths, and the command line; empty: it has it not. */
struct vm_host_image {
	char kernel[VM_HOST_PATH_BYTES], initrd[VM_HOST_PATH_BYTES], disk[VM_HOST_PATH_BYTES];
	char append[VM_APPEND_BYTES_MAX + 1];
};

struct vm_host {
	struct gw_vm_options options; /* the caller's, and what the image adds */
	struct vm_host_image image;
	const struct vm_host_watch *watch; /* never NULL */
	struct vm_machine *machine;
	struct vm_machine_setup setup; /* its RAM and files are ours */
	struct vm_console console;
	struct vm_block *disk;  /* NULL: none */
	struct vm_net *net;     /* the same */
	int signals;            /* a descriptor that is readable when one came; -1: none */
	uint64_t zero_ns;       /* of the host's clock, when the machine's time was 0 */
	size_t disk_pending;    /* requests that are not answered */
	uint8_t held[VM_NET_FRAME_BYTES_MAX]; /* a frame for which there is no room yet */
	size_t held_size;
	bool unplugged;         /* the guest knows that the network is gone */
	bool signalled;
	struct vm_control control;
	bool paused;
	bool off; /* it was switched off, or reset, from outside */
	uint64_t events;
	uint64_t exits;         /* of vm_machine_run */
	int failed;             /* what a hook said, from within the machine */
	struct gw_error error;  /* the same */
};

/* Finds out what an image has, and puts it where the options say nothing. */
int vm_host_use_image(struct vm_host *host, struct gw_error *error) GW_MUST_CHECK;

/* Looks outside, waiting if that is wanted until something comes or a timer is due, and puts in
 * what came. */
int vm_host_look(struct vm_host *host, bool wait, struct gw_error *error) GW_MUST_CHECK;

/* Puts an event in, at the machine's count. */
int vm_host_put(struct vm_host *host, struct vm_event event, struct gw_error *error) GW_MUST_CHECK;

/* Does what another process asks for (control.h), and answers it. */
int vm_host_obey(struct vm_host *host, const char *request, struct gw_error *error) GW_MUST_CHECK;

/* The machine's time by the host's clock: how many ticks it should show. */
uint64_t vm_host_ticks(struct vm_host *host);

#endif
