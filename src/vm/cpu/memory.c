/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memory.c - translations and what is kept of them; accesses that are not plain.
 */
#include "memory.h"

#include "base/little_endian.h"
#include "block.h"
#include "stops.h"
#include "walk.h"

#include <assert.h>
#include <stdlib.h>

/* More pages than that are marked faster with no translation left. */
enum { WRITTEN_FEW = 16 };

/* ---- From addresses to pages ----------------------------------------------------------------- */

static bool fault(struct vm_cpu *cpu, uint64_t address, enum vm_access access,
		  enum vm_walk_end end)
{
	static const uint8_t causes[2][5] = {
		{[VM_ACCESS_READ] = VM_CAUSE_LOAD_PAGE,
		 [VM_ACCESS_WRITE] = VM_CAUSE_STORE_PAGE,
		 [VM_ACCESS_FETCH] = VM_CAUSE_FETCH_PAGE},
		{[VM_ACCESS_READ] = VM_CAUSE_LOAD_ACCESS,
		 [VM_ACCESS_WRITE] = VM_CAUSE_STORE_ACCESS,
		 [VM_ACCESS_FETCH] = VM_CAUSE_FETCH_ACCESS},
	};

	return vm_raise(cpu, causes[end == VM_WALK_ACCESS_FAULT][access], address);
}

/* Sets accessed and dirty bits of the leaf that was found. */
static bool touch_leaf(struct vm_cpu *cpu, enum vm_access access, struct vm_walk *walk)
{
	uint64_t bits = VM_ENTRY_A | (access == VM_ACCESS_WRITE ? VM_ENTRY_D : 0);
	uint64_t page = walk->entry_offset / VM_PAGE_BYTES;

	if (walk->tables == 0 || (walk->entry & bits) == bits)
		return true;
	if (!vm_pmp_allows(cpu, cpu->setup.ram_base + walk->entry_offset, VM_ACCESS_WRITE,
			   VM_MODE_SUPERVISOR))
		return false;
	/* What was translated by it stays true: these bits only ever allow more. */
	if (cpu->pages[page].marks & VM_MARK_CODE)
		vm_blocks_written(cpu, page, walk->entry_offset % VM_PAGE_BYTES, sizeof(uint64_t));
	if (cpu->pages[page].marks & VM_MARK_CLEAN)
		vm_note_written(cpu, page);
	walk->entry |= bits;
	base_store64(cpu->setup.ram + walk->entry_offset, walk->entry);
	walk->rights |= access; /* others show at the next walk */
	return true;
}

static bool translate(struct vm_cpu *cpu, uint64_t address, enum vm_access access, uint64_t mode,
		      struct vm_walk *walk)
{
	enum vm_walk_end end = vm_walk(cpu, address, access, mode, walk);

	if (end == VM_WALK_FOUND && (!vm_pmp_allows(cpu, walk->physical, access, mode) ||
				     !touch_leaf(cpu, access, walk)))
		end = VM_WALK_ACCESS_FAULT;
	return end == VM_WALK_FOUND || fault(cpu, address, access, end);
}

/* ---- What is kept ---------------------------------------------------------------------------- */

void vm_view_clear(struct vm_view *view)
{
	if (view->clean)
		return;
	for (size_t at = 0; at < VM_TRANSLATIONS; at++)
		view->data[at].read_tag = view->data[at].write_tag = VM_TAG_NONE;
	for (size_t at = 0; at < VM_FETCHES; at++)
		view->fetch[at].tag = VM_TAG_NONE;
	for (size_t at = 0; at < VM_JUMPS; at++)
		view->jump[at].pc = 1;
	view->clean = true;
}

/* The views by number; they lie in three places. */
static struct vm_view *view_at(const struct vm_cpu *cpu, size_t number)
{
	if (number == 0)
		return cpu->machine_view;
	number -= 1;
	return &cpu->spaces[number / VM_VIEWS_OF_SPACE].views[number % VM_VIEWS_OF_SPACE];
}

enum { VIEWS_KEPT = 1 + VM_SPACES * VM_VIEWS_OF_SPACE };

static size_t view_number(const struct vm_cpu *cpu, const struct vm_view *view)
{
	for (size_t number = 0; number < VIEWS_KEPT; number++)
		if (view_at(cpu, number) == view)
			return number;
	assert(!"a view of this hart");
	return 0;
}

void vm_forget_translations(struct vm_cpu *cpu)
{
	for (size_t number = 0; number < VIEWS_KEPT; number++)
		vm_view_clear(view_at(cpu, number));
	for (size_t at = 0; at < cpu->table_page_count; at++)
		cpu->pages[cpu->table_pages[at]].marks &= (uint8_t)~VM_MARK_TABLE;
	cpu->table_page_count = 0;
	cpu->table_stores = 0;
	cpu->attention = true;
}

static void drop_writers(struct vm_cpu *cpu, uint64_t page)
{
	uint32_t writer = cpu->pages[page].writer;

	if (writer == VM_WRITERS_MANY) {
		for (size_t at = 0; at < (size_t)VIEWS_KEPT * VM_TRANSLATIONS; at++) {
			struct vm_view *view = view_at(cpu, at / VM_TRANSLATIONS);

			if (view->data[at % VM_TRANSLATIONS].page == page)
				view->data[at % VM_TRANSLATIONS].write_tag = VM_TAG_NONE;
		}
	} else if (writer) {
		struct vm_view *view = view_at(cpu, (writer - 1) / VM_TRANSLATIONS);
		struct vm_translation *kept = &view->data[(writer - 1) % VM_TRANSLATIONS];

		if (kept->page == page)
			kept->write_tag = VM_TAG_NONE;
	}
	cpu->pages[page].writer = 0;
}

void vm_mark_page(struct vm_cpu *cpu, uint64_t page, unsigned mark)
{
	assert(page < cpu->page_count);
	if (cpu->pages[page].marks & mark)
		return;
	if (!cpu->pages[page].marks)
		drop_writers(cpu, page);
	cpu->pages[page].marks |= (uint8_t)mark;
	if (mark == VM_MARK_TABLE) {
		assert(cpu->table_page_count < VM_TABLE_PAGES_MAX);
		cpu->table_pages[cpu->table_page_count++] = (uint32_t)page;
	}
}

/* Marks the tables of a walk, so that what it found may be kept. */
static void mark_tables(struct vm_cpu *cpu, const struct vm_walk *walk)
{
	if (cpu->table_page_count > VM_TABLE_PAGES_MAX - VM_WALK_LEVELS)
		vm_forget_translations(cpu);
	for (unsigned at = 0; at < walk->tables; at++)
		vm_mark_page(cpu, walk->table_pages[at], VM_MARK_TABLE);
}

/* Notes that a page may be written through a translation. */
static void note_writer(struct vm_cpu *cpu, uint64_t page, const struct vm_view *view, size_t slot)
{
	uint32_t number = (uint32_t)(view_number(cpu, view) * VM_TRANSLATIONS + slot) + 1;
	struct vm_page *of = &cpu->pages[page];

	if (of->writer && of->writer != number && of->writer != VM_WRITERS_MANY) {
		struct vm_view *other = view_at(cpu, (of->writer - 1) / VM_TRANSLATIONS);
		struct vm_translation *kept = &other->data[(of->writer - 1) % VM_TRANSLATIONS];

		if (kept->page == page && kept->write_tag != VM_TAG_NONE)
			number = VM_WRITERS_MANY;
	}
	if (of->writer != VM_WRITERS_MANY)
		of->writer = number;
}

/* Keeps a translation for data in the present view. */
static void keep(struct vm_cpu *cpu, uint64_t address, uint64_t mode, const struct vm_walk *walk)
{
	struct vm_view *view = cpu->data_view;
	size_t slot = (address / VM_PAGE_BYTES) % VM_TRANSLATIONS;
	struct vm_translation *kept = &view->data[slot];
	uint64_t offset, tag = address & VM_PAGE_MASK;

	if (view == cpu->never_view || slot >= cpu->setup.translations_max ||
	    vm_page_watched(cpu, address) ||
	    !vm_in_ram(cpu, walk->physical, 1, &offset))
		return;
	mark_tables(cpu, walk);
	view->clean = false;
	offset &= VM_PAGE_MASK;
	kept->page = offset / VM_PAGE_BYTES;
	kept->addend = (uintptr_t)cpu->setup.ram + offset - tag;
	kept->read_tag = kept->write_tag = VM_TAG_NONE;
	if (walk->rights & VM_ACCESS_READ &&
	    vm_pmp_allows(cpu, walk->physical, VM_ACCESS_READ, mode))
		kept->read_tag = tag;
	if (walk->rights & VM_ACCESS_WRITE && !cpu->pages[kept->page].marks &&
	    vm_pmp_allows(cpu, walk->physical, VM_ACCESS_WRITE, mode)) {
		note_writer(cpu, kept->page, view, slot);
		kept->write_tag = tag;
	}
}

bool vm_fetch_page(struct vm_cpu *cpu, uint64_t pc, uint64_t *offset)
{
	size_t slot = (pc / VM_PAGE_BYTES) % VM_FETCHES;
	struct vm_fetch *kept = &cpu->fetch_view->fetch[slot];
	struct vm_walk walk;

	if (kept->tag == (pc & VM_PAGE_MASK)) {
		*offset = kept->page * VM_PAGE_BYTES + pc % VM_PAGE_BYTES;
		return true;
	}
	if (!translate(cpu, pc, VM_ACCESS_FETCH, cpu->mode, &walk))
		return false;
	if (!vm_in_ram(cpu, walk.physical, 2, offset))
		return vm_raise(cpu, VM_CAUSE_FETCH_ACCESS, pc);
	if (slot < cpu->setup.translations_max) {
		mark_tables(cpu, &walk);
		cpu->fetch_view->clean = false;
		kept->tag = pc & VM_PAGE_MASK;
		kept->page = *offset / VM_PAGE_BYTES;
	}
	return true;
}

/* ---- Pages written --------------------------------------------------------------------------- */

void vm_note_written(struct vm_cpu *cpu, uint64_t page)
{
	assert(cpu->pages[page].marks & VM_MARK_CLEAN && cpu->written_count < cpu->page_count);
	cpu->pages[page].marks &= (uint8_t)~VM_MARK_CLEAN;
	cpu->written[cpu->written_count++] = (uint32_t)page;
}

int vm_cpu_written_begin(struct vm_cpu *cpu, struct gw_error *error)
{
	assert(!cpu->running);
	if (!cpu->written)
		cpu->written = malloc(cpu->page_count * sizeof(*cpu->written));
	if (!cpu->written)
		return gw_fail(error, GW_E_NO_MEMORY, "the pages written: out of memory");
	vm_forget_translations(cpu);
	for (uint64_t page = 0; page < cpu->page_count; page++) {
		cpu->pages[page].writer = 0;
		cpu->pages[page].marks |= VM_MARK_CLEAN;
	}
	cpu->written_count = 0;
	return 0;
}

const uint32_t *vm_cpu_written(const struct vm_cpu *cpu, size_t *count)
{
	assert(cpu->written);
	*count = cpu->written_count;
	return cpu->written;
}

void vm_cpu_written_forget(struct vm_cpu *cpu)
{
	bool many = cpu->written_count > WRITTEN_FEW;

	assert(cpu->written && !cpu->running);
	if (many)
		vm_forget_translations(cpu);
	for (size_t at = 0; at < cpu->written_count; at++) {
		uint64_t page = cpu->written[at];

		if (many)
			cpu->pages[page].writer = 0;
		vm_mark_page(cpu, page, VM_MARK_CLEAN);
	}
	cpu->written_count = 0;
}

/* ---- RAM ------------------------------------------------------------------------------------- */

/* Whether any page table entry in the bytes is valid: something may have been made by it. */
static bool entries_valid(const struct vm_cpu *cpu, uint64_t offset, uint64_t size)
{
	for (uint64_t at = offset & ~UINT64_C(7); at < offset + size; at += 8)
		if (cpu->setup.ram[at] & VM_ENTRY_V)
			return true;
	return false;
}

void vm_ram_changes(struct vm_cpu *cpu, uint64_t offset, uint64_t size)
{
	while (size > 0) {
		uint64_t page = offset / VM_PAGE_BYTES, in_page = offset % VM_PAGE_BYTES;
		uint64_t part = VM_PAGE_BYTES - in_page;

		if (part > size)
			part = size;
		if (cpu->pages[page].marks & VM_MARK_CODE)
			vm_blocks_written(cpu, page, in_page, part);
		if (cpu->pages[page].marks & VM_MARK_CLEAN)
			vm_note_written(cpu, page);
		if (cpu->pages[page].marks & VM_MARK_TABLE &&
		    (entries_valid(cpu, offset, part) ||
		     ++cpu->table_stores > VM_TABLE_STORES_MAX))
			vm_forget_translations(cpu);
		offset += part;
		size -= part;
	}
}

void vm_cpu_ram_written(struct vm_cpu *cpu, uint64_t address, uint64_t size)
{
	uint64_t offset, reserved;

	if (size == 0 || !vm_in_ram(cpu, address, size, &offset))
		return;
	/* The old bytes are gone, so any page table among them counts. */
	for (uint64_t page = offset / VM_PAGE_BYTES;
	     page <= (offset + size - 1) / VM_PAGE_BYTES; page++) {
		if (cpu->pages[page].marks & VM_MARK_TABLE)
			vm_forget_translations(cpu);
	}
	vm_ram_changes(cpu, offset, size);
	reserved = cpu->reservation - address;
	if (reserved < size || reserved > UINT64_MAX - 8)
		cpu->reserved = 0;
}

uint64_t vm_ram_load(const struct vm_cpu *cpu, uint64_t offset, unsigned size)
{
	const uint8_t *from = cpu->setup.ram + offset;

	switch (size) {
	case 1:
		return *from;
	case 2:
		return base_load16(from);
	case 4:
		return base_load32(from);
	}
	assert(size == 8);
	return base_load64(from);
}

void vm_ram_store(struct vm_cpu *cpu, uint64_t offset, unsigned size, uint64_t value)
{
	uint8_t *to = cpu->setup.ram + offset;

	assert(offset % size == 0);
	if (cpu->pages[offset / VM_PAGE_BYTES].marks)
		vm_ram_changes(cpu, offset, size);
	switch (size) {
	case 1:
		*to = (uint8_t)value;
		return;
	case 2:
		base_store16(to, (uint16_t)value);
		return;
	case 4:
		base_store32(to, (uint32_t)value);
		return;
	}
	assert(size == 8);
	base_store64(to, value);
}

/* ---- Loads and stores ------------------------------------------------------------------------ */

/* The RAM offset of a byte range within a page, or the address of a device: *in_ram says which. */
static bool locate(struct vm_cpu *cpu, uint64_t address, unsigned size, enum vm_access access,
		   uint64_t *place, bool *in_ram)
{
	const struct vm_translation *kept =
		&cpu->data_view->data[(address / VM_PAGE_BYTES) % VM_TRANSLATIONS];
	uint64_t tag = access == VM_ACCESS_WRITE ? kept->write_tag : kept->read_tag;
	uint64_t mode = vm_data_mode(cpu);
	struct vm_walk walk;

	assert(address % VM_PAGE_BYTES <= VM_PAGE_BYTES - size);
	*in_ram = true;
	if (tag == (address & VM_PAGE_MASK)) {
		*place = kept->page * VM_PAGE_BYTES + address % VM_PAGE_BYTES;
		return true;
	}
	if (!translate(cpu, address, access, mode, &walk))
		return false;
	keep(cpu, address, mode, &walk);
	*in_ram = vm_in_ram(cpu, walk.physical, size, place);
	if (!*in_ram)
		*place = walk.physical;
	return true;
}

static bool device_fault(struct vm_cpu *cpu, uint64_t address, enum vm_access access)
{
	return vm_raise(cpu,
			access == VM_ACCESS_WRITE ? VM_CAUSE_STORE_ACCESS : VM_CAUSE_LOAD_ACCESS,
			address);
}

/* A misaligned access: both its pages before any byte of it. Devices have none. */
static bool locate_bytes(struct vm_cpu *cpu, uint64_t address, unsigned size,
			 enum vm_access access, uint64_t place[8])
{
	unsigned first = VM_PAGE_BYTES - address % VM_PAGE_BYTES;
	bool in_ram;

	if (first > size)
		first = size;
	if (!locate(cpu, address, first, access, &place[0], &in_ram))
		return false;
	if (!in_ram)
		return device_fault(cpu, address, access);
	for (unsigned at = 1; at < first; at++)
		place[at] = place[0] + at;
	if (first == size)
		return true;
	if (!locate(cpu, address + first, size - first, access, &place[first], &in_ram))
		return false;
	if (!in_ram)
		return device_fault(cpu, address + first, access);
	for (unsigned at = first + 1; at < size; at++)
		place[at] = place[first] + at - first;
	return true;
}

bool vm_load_slow(struct vm_cpu *cpu, uint64_t address, unsigned size, uint64_t *value)
{
	uint64_t place[8];
	bool in_ram;

	*value = 0;
	if (vm_watch_here(cpu, address, size, VM_ACCESS_READ))
		return false;
	if (address % size) {
		if (!locate_bytes(cpu, address, size, VM_ACCESS_READ, place))
			return false;
		for (unsigned at = 0; at < size; at++)
			*value |= (uint64_t)cpu->setup.ram[place[at]] << (8 * at);
		return true;
	}
	if (!locate(cpu, address, size, VM_ACCESS_READ, place, &in_ram))
		return false;
	if (in_ram) {
		*value = vm_ram_load(cpu, place[0], size);
		return true;
	}
	cpu->attention = true;
	if (!cpu->setup.bus ||
	    cpu->setup.bus->read(cpu->setup.device, place[0], size, value) < 0)
		return device_fault(cpu, address, VM_ACCESS_READ);
	return true;
}

bool vm_store_slow(struct vm_cpu *cpu, uint64_t address, unsigned size, uint64_t value)
{
	uint64_t place[8];
	bool in_ram;

	if (vm_watch_here(cpu, address, size, VM_ACCESS_WRITE))
		return false;
	if (address % size) {
		if (!locate_bytes(cpu, address, size, VM_ACCESS_WRITE, place))
			return false;
		for (unsigned at = 0; at < size; at++)
			vm_ram_store(cpu, place[at], 1, value >> (8 * at));
		return true;
	}
	if (!locate(cpu, address, size, VM_ACCESS_WRITE, place, &in_ram))
		return false;
	if (in_ram) {
		vm_ram_store(cpu, place[0], size, value);
		return true;
	}
	cpu->attention = true;
	if (size < 8)
		value &= (UINT64_C(1) << (8 * size)) - 1;
	if (!cpu->setup.bus ||
	    cpu->setup.bus->write(cpu->setup.device, place[0], size, value) < 0)
		return device_fault(cpu, address, VM_ACCESS_WRITE);
	return true;
}

bool vm_atomic_address(struct vm_cpu *cpu, uint64_t address, unsigned size, enum vm_access access,
		       uint64_t *offset)
{
	bool in_ram;

	if (vm_watch_here(cpu, address, size, access))
		return false;
	if (address % size)
		return vm_raise(cpu,
				access == VM_ACCESS_WRITE ? VM_CAUSE_STORE_MISALIGNED
							  : VM_CAUSE_LOAD_MISALIGNED,
				address);
	if (!locate(cpu, address, size, access, offset, &in_ram))
		return false;
	return in_ram || device_fault(cpu, address, access);
}
