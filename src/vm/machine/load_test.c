/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load_test.c - kernels, initrds and firmware come to lie where the hart and the device tree say;
 * files that cannot be loaded are refused with a sentence.
 */
#include "load.h"

#include "base/little_endian.h"
#include "support/unit.h"

#include <elf.h>
#include <libfdt.h>
#include <stdlib.h>

#define MIB (UINT64_C(1) << 20)

enum { RAM_BYTES = 8 << 20, FILE_BYTES = 4096 };

struct world {
	uint8_t *ram;
	uint8_t kernel[FILE_BYTES], initrd[FILE_BYTES];
	struct vm_load load;
	struct vm_start start;
	struct gw_error error;
};

/* An Image that says it needs so much memory. */
static void image(uint8_t bytes[FILE_BYTES], uint64_t offset, uint64_t size)
{
	memset(bytes, 0x11, FILE_BYTES);
	base_store64(bytes + 8, offset);
	base_store64(bytes + 16, size);
	base_store64(bytes + 24, 0);
	memcpy(bytes + 48, "RISCV\0\0\0RSC\x05", 12);
}

/* An ELF file of one segment of 256 bytes, in memory of size bytes, at address. */
static void elf(uint8_t bytes[FILE_BYTES], uint64_t address, uint64_t size)
{
	Elf64_Ehdr head = {
		.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB},
		.e_machine = EM_RISCV,
		.e_entry = address + 8,
		.e_phoff = sizeof(head),
		.e_phentsize = sizeof(Elf64_Phdr),
		.e_phnum = 1,
	};
	Elf64_Phdr segment = {
		.p_type = PT_LOAD,
		.p_offset = 1024,
		.p_paddr = address,
		.p_filesz = 256,
		.p_memsz = size,
	};

	memset(bytes, 0x22, FILE_BYTES);
	memcpy(bytes, &head, sizeof(head));
	memcpy(bytes + sizeof(head), &segment, sizeof(segment));
}

static struct world *begin(void)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	world->ram = calloc(1, RAM_BYTES);
	assert_non_null(world->ram);
	image(world->kernel, 2 * MIB, 3 * MIB);
	memset(world->initrd, 0x33, sizeof(world->initrd));
	world->load.kernel = (struct vm_file){"kernel", {world->kernel, FILE_BYTES}};
	world->load.tree.append = "quiet";
	return world;
}

static void end(struct world *world)
{
	free(world->ram);
	free(world);
}

static int load(struct world *world)
{
	return vm_load(&world->load, world->ram, RAM_BYTES, &world->start, &world->error);
}

static void refused(struct world *world, int code, const char *sentence)
{
	assert_int_equal(load(world), code);
	assert_string_equal(world->error.text, sentence);
}

static void a_linux_image_starts_in_supervisor_mode(void **state)
{
	struct world *world = begin();
	const uint8_t *tree;

	(void)state;
	world->load.initrd = (struct vm_file){"initrd", {world->initrd, 1234}};
	assert_int_equal(load(world), 0);
	assert_int_equal(world->start.pc, VM_MAP_RAM + 2 * MIB);
	assert_int_equal(world->start.mode, VM_MODE_SUPERVISOR);
	assert_memory_equal(world->ram + 2 * MIB, world->kernel, FILE_BYTES);
	tree = world->ram + (world->start.tree - VM_MAP_RAM);
	assert_int_equal(fdt_check_header(tree), 0);
	assert_int_equal(world->start.tree % 8, 0);
	end(world);
}

static void the_tree_says_where_the_initrd_is(void **state)
{
	struct world *world = begin();
	const fdt64_t *from, *to;
	const uint8_t *tree;
	int chosen;

	(void)state;
	world->load.initrd = (struct vm_file){"initrd", {world->initrd, 1234}};
	assert_int_equal(load(world), 0);
	tree = world->ram + (world->start.tree - VM_MAP_RAM);
	chosen = fdt_path_offset(tree, "/chosen");
	from = fdt_getprop(tree, chosen, "linux,initrd-start", NULL);
	to = fdt_getprop(tree, chosen, "linux,initrd-end", NULL);
	assert_true(from && to);
	assert_int_equal(fdt64_ld(to) - fdt64_ld(from), 1234);
	assert_int_equal(fdt64_ld(from) % VM_PAGE_BYTES, 0);
	assert_true(fdt64_ld(to) <= world->start.tree);
	assert_memory_equal(world->ram + (fdt64_ld(from) - VM_MAP_RAM), world->initrd, 1234);
	end(world);
}

static void firmware_runs_first_and_is_told_of_the_kernel(void **state)
{
	static const uint8_t code[16] = {0x44, 0x44};
	struct world *world = begin();
	const uint8_t *told;

	(void)state;
	world->load.firmware = (struct vm_file){"fw", {code, sizeof(code)}};
	assert_int_equal(load(world), 0);
	assert_int_equal(world->start.pc, VM_MAP_RAM);
	assert_int_equal(world->start.mode, VM_MODE_MACHINE);
	assert_memory_equal(world->ram, code, sizeof(code));
	told = world->ram + (world->start.told - VM_MAP_RAM);
	assert_int_equal(base_load64(told), 0x4942534f);
	assert_int_equal(base_load64(told + 16), VM_MAP_RAM + 2 * MIB);
	assert_int_equal(base_load64(told + 24), VM_MODE_SUPERVISOR);
	end(world);
}

static void an_elf_file_lies_where_it_says(void **state)
{
	struct world *world = begin();

	(void)state;
	elf(world->kernel, VM_MAP_RAM + 0x3000, 512);
	memset(world->ram + 0x3000, 0xff, 1024);
	world->load.bare = true;
	assert_int_equal(load(world), 0);
	assert_int_equal(world->start.pc, VM_MAP_RAM + 0x3008);
	assert_int_equal(world->start.mode, VM_MODE_MACHINE);
	assert_memory_equal(world->ram + 0x3000, world->kernel + 1024, 256);
	assert_int_equal(world->ram[0x3100], 0);
	assert_int_equal(world->ram[0x31ff], 0);
	assert_int_equal(world->ram[0x3200], 0xff);
	end(world);
}

static void a_bare_program_lies_at_the_start(void **state)
{
	struct world *world = begin();

	(void)state;
	world->load.bare = true;
	world->load.kernel.bytes.size = 40;
	assert_int_equal(load(world), 0);
	assert_int_equal(world->start.pc, VM_MAP_RAM);
	assert_memory_equal(world->ram, world->kernel, 40);
	end(world);
}

static void what_is_no_kernel_is_refused(void **state)
{
	struct world *world = begin();

	(void)state;
	world->kernel[56] = 0;
	refused(world, GW_E_INVALID, "kernel: neither a Linux Image for RISC-V nor an ELF file");
	world->load.kernel.bytes.size = 63;
	refused(world, GW_E_INVALID, "kernel: neither a Linux Image for RISC-V nor an ELF file");
	world->load.kernel.bytes.size = 0;
	refused(world, GW_E_INVALID, "kernel: empty");
	world->load.kernel = (struct vm_file){0};
	refused(world, GW_E_INVALID, "the kernel: empty");
	world->load.kernel = (struct vm_file){"kernel", {"\x1f\x8b\x08", 3}};
	refused(world, GW_E_INVALID, "kernel: compressed; unpack it with gunzip first");
	end(world);
}

static void images_that_do_not_fit_are_refused(void **state)
{
	struct world *world = begin();

	(void)state;
	image(world->kernel, 2 * MIB, 7 * MIB);
	refused(world, GW_E_TOO_LARGE, "kernel: 7 MiB do not fit into the machine's 8 MiB");
	image(world->kernel, 2 * MIB, 6 * MIB - 4096); /* the tree has no place */
	refused(world, GW_E_TOO_LARGE, "kernel: 8 MiB do not fit into the machine's 8 MiB");
	image(world->kernel, 2 * MIB, UINT64_MAX);
	refused(world, GW_E_TOO_LARGE,
		"kernel: 17592186044416 MiB do not fit into the machine's 8 MiB");
	image(world->kernel, 512 * MIB, MIB);
	refused(world, GW_E_TOO_LARGE, "kernel: 1 MiB do not fit into the machine's 8 MiB");
	image(world->kernel, MIB, MIB);
	refused(world, GW_E_INVALID,
		"kernel: wants to be at RAM + 0x100000, which is no multiple of 2 MiB");
	image(world->kernel, 2 * MIB, MIB);
	world->kernel[24] = 1;
	refused(world, GW_E_INVALID, "kernel: a big-endian kernel");
	end(world);
}

static void an_initrd_that_does_not_fit_is_refused(void **state)
{
	struct world *world = begin();
	size_t size = 3 * MIB;
	uint8_t *large = calloc(1, size);

	(void)state;
	assert_non_null(large);
	world->load.initrd = (struct vm_file){"initrd", {large, size}};
	refused(world, GW_E_TOO_LARGE, "initrd: 3 MiB do not fit into the machine's 8 MiB beside "
				       "the kernel's 5 MiB");
	world->load.initrd.bytes.size = 2 * MIB;
	assert_int_equal(load(world), 0);
	free(large);
	end(world);
}

static void firmware_that_does_not_fit_is_refused(void **state)
{
	struct world *world = begin();
	size_t size = 2 * MIB + 1;
	uint8_t *large = calloc(1, size);

	(void)state;
	assert_non_null(large);
	world->load.firmware = (struct vm_file){"fw", {large, size}};
	refused(world, GW_E_TOO_LARGE, "fw: 2048 KiB, and the kernel is at 2 MiB");
	free(large);
	end(world);
}

static void elf_files_that_lie_are_refused(void **state)
{
	struct world *world = begin();

	(void)state;
	elf(world->kernel, VM_MAP_RAM + RAM_BYTES, 256);
	refused(world, GW_E_TOO_LARGE,
		"kernel: segment 0 (0x100 bytes at 0x80800000) is not in the machine's RAM");
	elf(world->kernel, 0, 256);
	refused(world, GW_E_TOO_LARGE,
		"kernel: segment 0 (0x100 bytes at 0x0) is not in the machine's RAM");
	elf(world->kernel, VM_MAP_RAM, UINT64_MAX);
	assert_int_equal(load(world), GW_E_TOO_LARGE);
	elf(world->kernel, VM_MAP_RAM, 255);
	refused(world, GW_E_CORRUPT, "kernel: segment 0 is not in the file");
	elf(world->kernel, VM_MAP_RAM, 256);
	base_store64(world->kernel + offsetof(Elf64_Ehdr, e_entry), VM_MAP_RAM + 256);
	refused(world, GW_E_CORRUPT, "kernel: starts at 0x80000100, where nothing is loaded");
	base_store64(world->kernel + offsetof(Elf64_Ehdr, e_phoff), UINT64_MAX - 8);
	refused(world, GW_E_CORRUPT, "kernel: its segments are not in the file");
	base_store16(world->kernel + offsetof(Elf64_Ehdr, e_machine), EM_X86_64);
	refused(world, GW_E_INVALID, "kernel: not for a 64-bit RISC-V machine");
	world->load.kernel.bytes.size = 20;
	refused(world, GW_E_CORRUPT, "kernel: ends within its ELF header");
	end(world);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_linux_image_starts_in_supervisor_mode),
		cmocka_unit_test(the_tree_says_where_the_initrd_is),
		cmocka_unit_test(firmware_runs_first_and_is_told_of_the_kernel),
		cmocka_unit_test(an_elf_file_lies_where_it_says),
		cmocka_unit_test(a_bare_program_lies_at_the_start),
		cmocka_unit_test(what_is_no_kernel_is_refused),
		cmocka_unit_test(images_that_do_not_fit_are_refused),
		cmocka_unit_test(an_initrd_that_does_not_fit_is_refused),
		cmocka_unit_test(firmware_that_does_not_fit_is_refused),
		cmocka_unit_test(elf_files_that_lie_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
