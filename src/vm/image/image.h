/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image.h - images: directories that a machine starts from, made of Debian's own packages. How is
 * said in image.sh, which does it.
 *
 *     DIR/kernel, DIR/initrd     as the machine loads them
 *     DIR/append                 the kernel's command line
 */
#ifndef VM_IMAGE_IMAGE_H
#define VM_IMAGE_IMAGE_H

#include <groundwork/base.h>

#define VM_IMAGE_KERNEL "kernel"
#define VM_IMAGE_INITRD "initrd"
#define VM_IMAGE_APPEND "append"

struct vm_image_options {
	const char *directory;
	const char *cache; /* what was made is kept there, and made once; made if it is not there */
};

/* Makes a minimal image: a kernel and a busybox. Waits for the programs that do it, and leaves what
 * they say to standard error. GW_E_FAILED, GW_E_NO_MEMORY; files that were in the directory are
 * then as they were, or new, each of them whole. */
int vm_image_make_minimal(const struct vm_image_options *options, struct gw_error *error)
	GW_MUST_CHECK;

#endif
