/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c - kernel, initrd, firmware and device tree into RAM.
 */
#include "load.h"

#include "base/little_endian.h"

#include <assert.h>
#include <elf.h>
#include <inttypes.h>

#define MIB (UINT64_C(1) << 20)
#define IMAGE_MAGIC UINT32_C(0x05435352)       /* "RSC", 5 */
#define DYNAMIC_MAGIC UINT64_C(0x4942534f)     /* "OSBI" */

enum {
	IMAGE_HEADER_BYTES = 64,
	IMAGE_OFFSET_AT = 8, /* into RAM */
	IMAGE_SIZE_AT = 16,  /* in memory, with what is zero at first */
	IMAGE_FLAGS_AT = 24,
	IMAGE_MAGIC_AT = 56,
	IMAGE_FLAG_BIG_ENDIAN = 1,
	TREE_ROOM = 16 << 10, /* OpenSBI puts more into the tree, where it is */
	TOP_BYTES = VM_TREE_BYTES_MAX + TREE_ROOM + VM_PAGE_BYTES,
	DYNAMIC_VERSION = 2,
};

/* RAM while it is filled. */
struct room {
	uint8_t *ram;
	uint64_t size;
};

/* A program in RAM. */
struct program {
	uint64_t entry;  /* physical */
	uint64_t end;    /* offset into RAM behind it and what it will clear */
};

static uint64_t mebibytes(uint64_t bytes)
{
	return bytes / MIB + (bytes % MIB != 0);
}

static int too_large(const struct vm_file *file, uint64_t bytes, const struct room *room,
		     struct gw_error *error)
{
	return gw_fail(error, GW_E_TOO_LARGE,
		       "%s: %" PRIu64 " MiB do not fit into the machine's %" PRIu64 " MiB",
		       file->name, mebibytes(bytes), mebibytes(room->size));
}

/* ---- Programs -------------------------------------------------------------------------------- */

static int load_flat(const struct vm_file *file, uint64_t offset, const struct room *room,
		     struct program *program, struct gw_error *error)
{
	size_t size = file->bytes.size;

	if (offset > room->size || size > room->size - offset)
		return too_large(file, size, room, error);
	memcpy(room->ram + offset, file->bytes.data, size);
	program->entry = VM_MAP_RAM + offset;
	program->end = offset + size;
	return 0;
}

static int check_image(const struct vm_file *file, struct gw_error *error)
{
	const uint8_t *bytes = file->bytes.data;

	if (file->bytes.size >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b)
		return gw_fail(error, GW_E_INVALID, "%s: compressed; unpack it with gunzip first",
			       file->name);
	if (file->bytes.size < IMAGE_HEADER_BYTES ||
	    base_load32(bytes + IMAGE_MAGIC_AT) != IMAGE_MAGIC)
		return gw_fail(error, GW_E_INVALID,
			       "%s: neither a Linux Image for RISC-V nor an ELF file", file->name);
	if (base_load64(bytes + IMAGE_FLAGS_AT) & IMAGE_FLAG_BIG_ENDIAN)
		return gw_fail(error, GW_E_INVALID, "%s: a big-endian kernel", file->name);
	return 0;
}

static int load_image(const struct vm_file *file, const struct room *room, struct program *program,
		      struct gw_error *error)
{
	const uint8_t *bytes = file->bytes.data;
	int code = check_image(file, error);
	uint64_t offset, size;

	if (code < 0)
		return code;
	offset = base_load64(bytes + IMAGE_OFFSET_AT);
	size = base_load64(bytes + IMAGE_SIZE_AT);
	if (offset == 0 || offset % VM_MAP_KERNEL_OFFSET != 0)
		return gw_fail(error, GW_E_INVALID, "%s: wants to be at RAM + 0x%" PRIx64
			       ", which is no multiple of 2 MiB", file->name, offset);
	if (size < file->bytes.size)
		size = file->bytes.size;
	if (offset > room->size || size > room->size - offset)
		return too_large(file, size, room, error);
	code = load_flat(file, offset, room, program, error);
	program->end = offset + size;
	return code;
}

/* ---- ELF ------------------------------------------------------------------------------------- */

/* Bytes of the file, or NULL when they are not in it. */
static const uint8_t *piece(const struct vm_file *file, uint64_t offset, uint64_t size)
{
	if (offset > file->bytes.size || size > file->bytes.size - offset)
		return NULL;
	return (const uint8_t *)file->bytes.data + offset;
}

static bool is_elf(const struct vm_file *file)
{
	return file->bytes.size >= SELFMAG && memcmp(file->bytes.data, ELFMAG, SELFMAG) == 0;
}

static int load_segment(const struct vm_file *file, unsigned number, const uint8_t *head,
			const struct room *room, struct program *program, struct gw_error *error)
{
	uint64_t file_size = base_load64(head + offsetof(Elf64_Phdr, p_filesz));
	uint64_t size = base_load64(head + offsetof(Elf64_Phdr, p_memsz));
	uint64_t address = base_load64(head + offsetof(Elf64_Phdr, p_paddr));
	const uint8_t *from =
		piece(file, base_load64(head + offsetof(Elf64_Phdr, p_offset)), file_size);
	uint64_t offset = address - VM_MAP_RAM;

	if (base_load32(head + offsetof(Elf64_Phdr, p_type)) != PT_LOAD || size == 0)
		return 0;
	if (!from || file_size > size)
		return gw_fail(error, GW_E_CORRUPT, "%s: segment %u is not in the file", file->name,
			       number);
	if (offset > room->size || size > room->size - offset)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s: segment %u (0x%" PRIx64 " bytes at 0x%" PRIx64
			       ") is not in the machine's RAM", file->name, number, size, address);
	memcpy(room->ram + offset, from, file_size);
	memset(room->ram + offset + file_size, 0, size - file_size);
	if (offset + size > program->end)
		program->end = offset + size;
	return 0;
}

static int load_elf(const struct vm_file *file, const struct room *room, struct program *program,
		    struct gw_error *error)
{
	const uint8_t *head = piece(file, 0, sizeof(Elf64_Ehdr));
	unsigned count;
	uint64_t at;

	if (!head)
		return gw_fail(error, GW_E_CORRUPT, "%s: ends within its ELF header", file->name);
	if (head[EI_CLASS] != ELFCLASS64 || head[EI_DATA] != ELFDATA2LSB ||
	    base_load16(head + offsetof(Elf64_Ehdr, e_machine)) != EM_RISCV)
		return gw_fail(error, GW_E_INVALID, "%s: not for a 64-bit RISC-V machine",
			       file->name);
	count = base_load16(head + offsetof(Elf64_Ehdr, e_phnum));
	at = base_load64(head + offsetof(Elf64_Ehdr, e_phoff));
	if (base_load16(head + offsetof(Elf64_Ehdr, e_phentsize)) != sizeof(Elf64_Phdr) ||
	    !piece(file, at, (uint64_t)count * sizeof(Elf64_Phdr)))
		return gw_fail(error, GW_E_CORRUPT, "%s: its segments are not in the file",
			       file->name);
	*program = (struct program){
		.entry = base_load64(head + offsetof(Elf64_Ehdr, e_entry)),
	};
	for (unsigned number = 0; number < count; number++) {
		int code = load_segment(file, number,
					(const uint8_t *)file->bytes.data + at +
						number * sizeof(Elf64_Phdr),
					room, program, error);

		if (code < 0)
			return code;
	}
	if (program->end == 0 || program->entry % 2 || program->entry < VM_MAP_RAM ||
	    program->entry - VM_MAP_RAM >= program->end)
		return gw_fail(error, GW_E_CORRUPT, "%s: starts at 0x%" PRIx64
			       ", where nothing is loaded", file->name, program->entry);
	return 0;
}

/* ---- All of it ------------------------------------------------------------------------------- */

static int load_kernel(const struct vm_load *load, const struct room *room, struct program *program,
		       struct gw_error *error)
{
	const struct vm_file *kernel = &load->kernel;

	if (kernel->bytes.size == 0)
		return gw_fail(error, GW_E_INVALID, "%s: empty",
			       kernel->name ? kernel->name : "the kernel");
	if (is_elf(kernel))
		return load_elf(kernel, room, program, error);
	if (load->bare)
		return load_flat(kernel, 0, room, program, error);
	return load_image(kernel, room, program, error);
}

static int load_firmware(const struct vm_load *load, const struct room *room,
			 struct program *program, struct gw_error *error)
{
	int code = is_elf(&load->firmware) ? load_elf(&load->firmware, room, program, error) :
					     load_flat(&load->firmware, 0, room, program, error);

	if (code == 0 && program->end > VM_MAP_KERNEL_OFFSET)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s: %" PRIu64 " KiB, and the kernel is at 2 MiB",
			       load->firmware.name, program->end / 1024);
	return code;
}

/* The highest page from which the initrd fits below the tree. */
static int load_initrd(const struct vm_load *load, const struct room *room, uint64_t from,
		       struct vm_tree *tree, struct gw_error *error)
{
	uint64_t size = load->initrd.bytes.size, end = room->size - TOP_BYTES, start;

	if (size == 0)
		return 0;
	if (from > end || size > end - from)
		return gw_fail(error, GW_E_TOO_LARGE,
			       "%s: %" PRIu64 " MiB do not fit into the machine's %" PRIu64
			       " MiB beside the kernel's %" PRIu64 " MiB", load->initrd.name,
			       mebibytes(size), mebibytes(room->size), mebibytes(from));
	start = (end - size) & ~(uint64_t)(VM_PAGE_BYTES - 1);
	if (start < from)
		return too_large(&load->initrd, size, room, error);
	memcpy(room->ram + start, load->initrd.bytes.data, size);
	tree->initrd = VM_MAP_RAM + start;
	tree->initrd_end = tree->initrd + size;
	return 0;
}

/* What fw_dynamic is told: where the kernel starts, in supervisor mode. */
static void tell(uint8_t *to, uint64_t entry)
{
	const uint64_t words[] = {DYNAMIC_MAGIC, DYNAMIC_VERSION, entry, VM_MODE_SUPERVISOR, 0, 0};

	for (size_t at = 0; at < sizeof(words) / sizeof(words[0]); at++)
		base_store64(to + 8 * at, words[at]);
}

static int load_programs(const struct vm_load *load, const struct room *room,
			 struct vm_start *start, uint64_t *end, struct gw_error *error)
{
	struct program kernel = {0}, firmware = {0};
	int code = load_kernel(load, room, &kernel, error);

	if (code == 0 && load->firmware.bytes.size)
		code = load_firmware(load, room, &firmware, error);
	if (code < 0)
		return code;
	*end = kernel.end;
	start->pc = firmware.end ? firmware.entry : kernel.entry;
	start->mode = firmware.end || load->bare ? VM_MODE_MACHINE : VM_MODE_SUPERVISOR;
	start->told = VM_MAP_RAM + room->size - VM_PAGE_BYTES;
	tell(room->ram + room->size - VM_PAGE_BYTES, kernel.entry);
	return 0;
}

int vm_load(const struct vm_load *load, uint8_t *ram, uint64_t ram_size, struct vm_start *start,
	    struct gw_error *error)
{
	struct room room = {.ram = ram, .size = ram_size};
	struct vm_tree tree = load->tree;
	uint64_t end = 0, tree_at;
	uint8_t bytes[VM_TREE_BYTES_MAX];
	size_t size;
	int code;

	assert(ram_size >= TOP_BYTES && ram_size % VM_PAGE_BYTES == 0);
	code = load_programs(load, &room, start, &end, error);
	if (code < 0)
		return code;
	tree_at = ram_size - TOP_BYTES;
	if (end > tree_at)
		return too_large(&load->kernel, end, &room, error);
	tree.ram_size = ram_size;
	code = load_initrd(load, &room, end, &tree, error);
	if (code == 0)
		code = vm_tree_make(&tree, bytes, &size, error);
	if (code < 0)
		return code;
	memcpy(ram + tree_at, bytes, size);
	start->tree = VM_MAP_RAM + tree_at;
	return 0;
}
