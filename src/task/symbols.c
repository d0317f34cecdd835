/* SPDX-License-Identifier: Apache-2.0 */
/*
 * symbols.c - see symbols.h. The file is taken for what it says only as far as it fits into its
 * size; a broken one gives no names.
 */
#include "task/symbols.h"

#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* count items of item_size at offset, if all are inside the file and aligned; else NULL. */
static const void *part(const uint8_t *file, size_t size, uint64_t offset, uint64_t count,
			size_t item_size)
{
	if (offset > size || offset % 8 != 0 || count > (size - offset) / item_size)
		return NULL;
	return file + offset;
}

/* The NUL-terminated string at an offset into a table of strings, or NULL. */
static const char *string_at(const uint8_t *file, size_t size, const ElfW(Shdr) *table,
			     uint64_t offset)
{
	const char *string;

	if (table->sh_offset > size || table->sh_size > size - table->sh_offset ||
	    offset >= table->sh_size)
		return NULL;
	string = (const char *)file + table->sh_offset + offset;
	return memchr(string, '\0', (size_t)(table->sh_size - offset)) ? string : NULL;
}

static const ElfW(Sym) *function_at(const ElfW(Sym) *symbols, uint64_t count, uint64_t address)
{
	for (uint64_t i = 0; i < count; i++)
		if ((symbols[i].st_info & 15) == STT_FUNC && symbols[i].st_shndx != SHN_UNDEF &&
		    address >= symbols[i].st_value &&
		    address - symbols[i].st_value < symbols[i].st_size)
			return &symbols[i];
	return NULL;
}

const char *task_symbols_find(const uint8_t *file, size_t size, uint64_t address,
			      uint64_t *offset)
{
	const ElfW(Ehdr) *header = part(file, size, 0, 1, sizeof(*header));
	const ElfW(Shdr) *sections;

	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) != 0 ||
	    header->e_ident[EI_CLASS] != (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32) ||
	    header->e_shentsize != sizeof(*sections))
		return NULL;
	sections = part(file, size, header->e_shoff, header->e_shnum, sizeof(*sections));
	for (size_t i = 0; sections && i < header->e_shnum; i++) {
		const ElfW(Shdr) *section = &sections[i];
		const ElfW(Sym) *symbols, *found;
		uint64_t count = section->sh_size / sizeof(*symbols);

		if ((section->sh_type != SHT_SYMTAB && section->sh_type != SHT_DYNSYM) ||
		    section->sh_link >= header->e_shnum)
			continue;
		symbols = part(file, size, section->sh_offset, count, sizeof(*symbols));
		found = symbols ? function_at(symbols, count, address) : NULL;
		if (found) {
			*offset = address - found->st_value;
			return string_at(file, size, &sections[section->sh_link], found->st_name);
		}
	}
	return NULL;
}

static void map_file(struct task_object *object, const char *path)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *memory = MAP_FAILED;

	if (file < 0)
		return;
	if (fstat(file, &status) == 0 && status.st_size > 0)
		memory = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, file, 0);
	close(file);
	if (memory == MAP_FAILED)
		return;
	object->file = memory;
	object->size = (size_t)status.st_size;
}

/* The object that has the address, mapped; NULL if there is none, or no room for one more. */
static struct task_object *object_of(struct task_symbols *symbols, const void *address)
{
	struct link_map *map = NULL;
	struct task_object *object;
	const char *slash;
	Dl_info info;

	if (!dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) || !map || !info.dli_fname)
		return NULL;
	for (size_t i = 0; i < symbols->count; i++)
		if (symbols->objects[i].base == (uintptr_t)map->l_addr)
			return &symbols->objects[i];
	if (symbols->count == TASK_SYMBOL_OBJECTS_MAX)
		return NULL;
	object = &symbols->objects[symbols->count++];
	slash = strrchr(info.dli_fname, '/');
	*object = (struct task_object){.base = (uintptr_t)map->l_addr,
				       .name = slash ? slash + 1 : info.dli_fname};
	/* The program itself has no name in the list of objects. */
	map_file(object, map->l_name[0] ? map->l_name : "/proc/self/exe");
	return object;
}

void task_symbols_describe(struct task_symbols *symbols, const void *address, char *text,
			   size_t size)
{
	struct task_object *object = object_of(symbols, address);
	uint64_t at, offset;
	const char *name;

	if (!object) {
		snprintf(text, size, "%p", address);
		return;
	}
	at = (uintptr_t)address - object->base;
	/* A return address may be the end of a function that does not return. */
	name = object->file ? task_symbols_find(object->file, object->size, at - 1, &offset) : NULL;
	if (name)
		snprintf(text, size, "%s+0x%llx (%s)", name, (unsigned long long)offset + 1,
			 object->name);
	else
		snprintf(text, size, "%s+0x%llx", object->name, (unsigned long long)at);
}

void task_symbols_done(struct task_symbols *symbols)
{
	for (size_t i = 0; i < symbols->count; i++)
		if (symbols->objects[i].file)
			munmap((void *)(uintptr_t)symbols->objects[i].file,
			       symbols->objects[i].size);
	*symbols = (struct task_symbols){0};
}
