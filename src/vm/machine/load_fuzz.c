/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_fuzz.c - any bytes as kernel, firmware and initrd: they are refused, or what is started lies
 * in RAM and the device tree is whole.
 */
#include "load.h"

#include <assert.h>
#include <libfdt.h>
#include <stdlib.h>

enum { RAM_BYTES = 4 << 20, SLACK = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Two bytes of flags and the size of the initrd; then the initrd, then the program. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vm_load load = {.tree.append = "fuzz"};
	struct vm_file program = {.name = "program"};
	struct vm_start start;
	size_t initrd;
	uint8_t *ram;

	if (size < 2)
		return 0;
	initrd = data[1] < size - 2 ? data[1] : size - 2;
	load.initrd = (struct vm_file){"initrd", {data + 2, initrd}};
	program.bytes = (struct gw_bytes){data + 2 + initrd, size - 2 - initrd};
	load.bare = data[0] & 1;
	load.kernel = program;
	if (data[0] & 2)
		load.firmware = program;
	ram = calloc(1, RAM_BYTES);
	if (!ram)
		return 0;
	if (vm_load(&load, ram, RAM_BYTES, &start, NULL) == 0) {
		assert(start.pc >= VM_MAP_RAM && start.pc - VM_MAP_RAM < RAM_BYTES);
		assert(start.tree >= VM_MAP_RAM && start.tree - VM_MAP_RAM < RAM_BYTES - SLACK);
		assert(fdt_check_full(ram + (start.tree - VM_MAP_RAM), VM_TREE_BYTES_MAX) == 0);
	}
	free(ram);
	return 0;
}
