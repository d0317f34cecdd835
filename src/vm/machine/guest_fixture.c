/* SPDX-License-Identifier: Apache-2.0 */
#include "guest_fixture.h"

#include "base/little_endian.h"

#include <assert.h>
#include <stdlib.h>

enum { HEADER_BYTES = 64, JUMP_OVER_HEADER = 0x0400006f };

static void console(void *context, uint8_t byte)
{
	struct guest *guest = context;

	if (guest->said_size < GUEST_SAID_MAX)
		guest->said[guest->said_size++] = (char)byte;
}

static void entropy(void *context, size_t size)
{
	struct guest *guest = context;

	guest->entropy_wanted = size;
}

static void event(void *context, const struct vm_event *event)
{
	struct guest *guest = context;

	(void)event;
	guest->events++;
}

void guest_begin(struct guest *guest)
{
	*guest = (struct guest){.size = HEADER_BYTES};
	base_store32(guest->image, JUMP_OVER_HEADER);
	base_store64(guest->image + 8, VM_MAP_KERNEL_OFFSET);
	base_store64(guest->image + 16, GUEST_BYTES);
	base_store32(guest->image + 56, 0x05435352);
	guest->ram = aligned_alloc(VM_PAGE_BYTES, GUEST_RAM_BYTES);
	assert(guest->ram);
	guest->setup = (struct vm_machine_setup){
		.ram = guest->ram,
		.ram_size = GUEST_RAM_BYTES,
		.load.kernel = {"guest", {guest->image, GUEST_BYTES}},
		.outside = {.console = console, .entropy = entropy, .event = event},
		.context = guest,
		.blocks_max = 64,
	};
}

void guest_start(struct guest *guest)
{
	int code;

	memset(guest->ram, 0, GUEST_RAM_BYTES);
	code = vm_machine_new(&guest->machine, &guest->setup, NULL);
	assert(code == 0);
}

void guest_end(struct guest *guest)
{
	vm_machine_free(guest->machine);
	free(guest->ram);
}

/* ---- Instructions ---------------------------------------------------------------------------- */

uint64_t guest_here(const struct guest *guest)
{
	return GUEST_START + guest->size;
}

uint64_t guest_word(struct guest *guest, uint32_t word)
{
	uint64_t at = guest_here(guest);

	assert(guest->size + 4 <= GUEST_BYTES);
	base_store32(guest->image + guest->size, word);
	guest->size += 4;
	return at;
}

/* Format I: 12 bits of immediate, then what goes where. */
static uint64_t format_i(struct guest *guest, uint32_t opcode, unsigned function, unsigned to,
			 unsigned from, uint32_t immediate)
{
	return guest_word(guest, immediate << 20 | from << 15 | function << 12 | to << 7 | opcode);
}

static uint64_t format_s(struct guest *guest, unsigned function, unsigned from, unsigned at,
			 uint32_t immediate)
{
	return guest_word(guest, (immediate >> 5 & 0x7f) << 25 | from << 20 | at << 15 |
					 function << 12 | (immediate & 0x1f) << 7 | 0x23);
}

uint64_t guest_addi(struct guest *guest, enum guest_register to, enum guest_register from,
		    int immediate)
{
	return format_i(guest, 0x13, 0, to, from, (uint32_t)immediate);
}

uint64_t guest_li(struct guest *guest, enum guest_register to, uint32_t value)
{
	uint64_t at = guest_word(guest, ((value + 0x800) & 0xfffff000) | to << 7 | 0x37);

	format_i(guest, 0x1b, 0, to, to, value & 0xfff); /* addiw */
	format_i(guest, 0x13, 1, to, to, 32);            /* slli */
	format_i(guest, 0x13, 5, to, to, 32);            /* srli */
	return at;
}

uint64_t guest_load_byte(struct guest *guest, enum guest_register to, enum guest_register at,
			 int offset)
{
	return format_i(guest, 0x03, 4, to, at, (uint32_t)offset);
}

uint64_t guest_store_byte(struct guest *guest, enum guest_register from, enum guest_register at,
			  int offset)
{
	return format_s(guest, 0, from, at, (uint32_t)offset);
}

uint64_t guest_store_word(struct guest *guest, enum guest_register from, enum guest_register at,
			  int offset)
{
	return format_s(guest, 2, from, at, (uint32_t)offset);
}

uint64_t guest_store(struct guest *guest, enum guest_register from, enum guest_register at,
		     int offset)
{
	return format_s(guest, 3, from, at, (uint32_t)offset);
}

uint64_t guest_csr_write(struct guest *guest, unsigned csr, enum guest_register from)
{
	return format_i(guest, 0x73, 1, ZERO, from, csr);
}

uint64_t guest_csr_set(struct guest *guest, unsigned csr, enum guest_register from)
{
	return format_i(guest, 0x73, 2, ZERO, from, csr);
}

uint64_t guest_csr_read(struct guest *guest, enum guest_register to, unsigned csr)
{
	return format_i(guest, 0x73, 2, to, ZERO, csr);
}

uint64_t guest_jump(struct guest *guest, uint64_t to)
{
	uint32_t by = (uint32_t)(to - guest_here(guest));

	return guest_word(guest, (by >> 20 & 1) << 31 | (by >> 1 & 0x3ff) << 21 |
					 (by >> 11 & 1) << 20 | (by >> 12 & 0xff) << 12 | 0x6f);
}

uint64_t guest_branch_zero(struct guest *guest, enum guest_register which, uint64_t to)
{
	uint32_t by = (uint32_t)(to - guest_here(guest));

	return guest_word(guest, (by >> 12 & 1) << 31 | (by >> 5 & 0x3f) << 25 | which << 15 |
					 (by >> 1 & 0xf) << 8 | (by >> 11 & 1) << 7 | 0x63);
}

uint64_t guest_wfi(struct guest *guest)
{
	return guest_word(guest, 0x10500073);
}

uint64_t guest_call(struct guest *guest, uint32_t extension, uint32_t function)
{
	uint64_t at = guest_li(guest, A7, extension);

	guest_addi(guest, A6, ZERO, (int)function);
	guest_word(guest, 0x00000073);
	return at;
}
