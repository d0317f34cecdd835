/* SPDX-License-Identifier: Apache-2.0 */
#include "elf_fixture.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct file {
	uint8_t *bytes;
	size_t size;
};

static int read_file(const char *path, struct file *file, struct gw_error *error)
{
	FILE *from = fopen(path, "rb");
	long size;

	if (!from)
		return gw_fail_errno(error, errno, "%s", path);
	fseek(from, 0, SEEK_END);
	size = ftell(from);
	rewind(from);
	file->size = size > 0 ? (size_t)size : 0;
	file->bytes = calloc(1, file->size + 1);
	if (!file->bytes || fread(file->bytes, 1, file->size, from) != file->size) {
		free(file->bytes);
		fclose(from);
		return gw_fail(error, GW_E_IO, "%s: cannot be read", path);
	}
	fclose(from);
	return 0;
}

/* A piece of the file, or NULL. */
static const void *piece(const struct file *file, uint64_t offset, uint64_t size)
{
	return offset <= file->size && size <= file->size - offset ? file->bytes + offset : NULL;
}

static int load_segments(const char *path, const struct file *file, const Elf64_Ehdr *head,
			 uint8_t *ram, uint64_t ram_base, uint64_t ram_size,
			 struct gw_error *error)
{
	for (unsigned at = 0; at < head->e_phnum; at++) {
		Elf64_Phdr segment;
		uint64_t offset = head->e_phoff + at * sizeof(segment);
		const void *from = piece(file, offset, sizeof(segment));
		uint64_t to;

		if (!from)
			return gw_fail(error, GW_E_CORRUPT, "%s: no segment %u", path, at);
		memcpy(&segment, from, sizeof(segment));
		if (segment.p_type != PT_LOAD || segment.p_memsz == 0)
			continue;
		to = segment.p_paddr - ram_base;
		from = piece(file, segment.p_offset, segment.p_filesz);
		if (!from || to > ram_size || segment.p_memsz > ram_size - to ||
		    segment.p_filesz > segment.p_memsz)
			return gw_fail(error, GW_E_CORRUPT, "%s: segment %u does not fit", path,
				       at);
		memset(ram + to, 0, segment.p_memsz);
		memcpy(ram + to, from, segment.p_filesz);
	}
	return 0;
}

static void note_symbol(struct elf_program *program, const char *name, uint64_t value)
{
	if (strcmp(name, "tohost") == 0)
		program->tohost = value;
	else if (strcmp(name, "begin_signature") == 0)
		program->signature = value;
	else if (strcmp(name, "end_signature") == 0)
		program->signature_end = value;
}

static void read_symbols(const struct file *file, const Elf64_Shdr *table, const Elf64_Shdr *names,
			 struct elf_program *program)
{
	for (uint64_t at = 0; at < table->sh_size / sizeof(Elf64_Sym); at++) {
		Elf64_Sym symbol;
		uint64_t offset = table->sh_offset + at * sizeof(symbol);
		const void *from = piece(file, offset, sizeof(symbol));
		const char *name;

		if (!from)
			return;
		memcpy(&symbol, from, sizeof(symbol));
		/* It ends: a NUL was added to the file. */
		name = piece(file, names->sh_offset + symbol.st_name, 1);
		if (name)
			note_symbol(program, name, symbol.st_value);
	}
}

static void find_symbols(const struct file *file, const Elf64_Ehdr *head,
			 struct elf_program *program)
{
	for (unsigned at = 0; at < head->e_shnum; at++) {
		Elf64_Shdr table, names;
		const void *from = piece(file, head->e_shoff + at * sizeof(table), sizeof(table));

		if (!from)
			return;
		memcpy(&table, from, sizeof(table));
		if (table.sh_type != SHT_SYMTAB)
			continue;
		from = piece(file, head->e_shoff + table.sh_link * sizeof(names), sizeof(names));
		if (!from)
			return;
		memcpy(&names, from, sizeof(names));
		read_symbols(file, &table, &names, program);
	}
}

int elf_load(const char *path, uint8_t *ram, uint64_t ram_base, uint64_t ram_size,
	     struct elf_program *program, struct gw_error *error)
{
	struct file file = {0};
	Elf64_Ehdr head;
	int status = read_file(path, &file, error);

	*program = (struct elf_program){0};
	if (status < 0)
		return status;
	memset(&head, 0, sizeof(head));
	if (file.size >= sizeof(head))
		memcpy(&head, file.bytes, sizeof(head));
	if (memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_machine != EM_RISCV ||
	    head.e_ident[EI_CLASS] != ELFCLASS64)
		status = gw_fail(error, GW_E_INVALID, "%s: not a program for RV64", path);
	else
		status = load_segments(path, &file, &head, ram, ram_base, ram_size, error);
	if (status == 0) {
		program->entry = head.e_entry;
		find_symbols(&file, &head, program);
	}
	free(file.bytes);
	return status;
}
