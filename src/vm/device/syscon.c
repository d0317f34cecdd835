/* SPDX-License-Identifier: Apache-2.0 */
/* syscon.c - off and reset. */
#include "syscon.h"

#include <stdlib.h>

struct vm_syscon {
	struct vm_syscon_setup setup;
};

static int read_register(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	(void)device;
	if (offset != 0 || (size != 4 && size != 2))
		return GW_E_INVALID;
	*value = 0;
	return 0;
}

static int write_register(void *device, uint64_t offset, unsigned size, uint64_t value)
{
	struct vm_syscon *syscon = device;
	unsigned wish = value & 0xffff;

	if (offset != 0 || (size != 4 && size != 2))
		return GW_E_INVALID;
	if (syscon->setup.wish &&
	    (wish == VM_SYSCON_FAIL || wish == VM_SYSCON_OFF || wish == VM_SYSCON_RESET))
		syscon->setup.wish(syscon->setup.context, (enum vm_syscon_wish)wish,
				   wish == VM_SYSCON_FAIL ? (unsigned)(value >> 16) : 0);
	return 0;
}

/* It has no state: a wish is the machine's at once. */
static void reset(void *device)
{
	(void)device;
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	(void)device, (void)fields;
}

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_SYSCON,
	.size = VM_SYSCON_BYTES,
	.read = read_register,
	.write = write_register,
	.reset = reset,
	.fields = walk_fields,
};

int vm_syscon_new(struct vm_syscon **out, const struct vm_syscon_setup *setup,
		  struct gw_error *error)
{
	struct vm_syscon *syscon = calloc(1, sizeof(*syscon));

	if (!syscon)
		return gw_fail(error, GW_E_NO_MEMORY, "a switch: out of memory");
	syscon->setup = *setup;
	*out = syscon;
	return 0;
}

void vm_syscon_free(struct vm_syscon *syscon)
{
	free(syscon);
}

struct vm_device vm_syscon_device(struct vm_syscon *syscon)
{
	return (struct vm_device){&kind, syscon};
}
