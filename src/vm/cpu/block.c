/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.c - decoding into blocks, and finding them again. Memory for blocks is taken from one
 * piece; when that is used up, all are forgotten. A block whose bytes were written stays there,
 * dead.
 */
#include "block.h"

#include "base/little_endian.h"
#include "memory.h"
#include "stops.h"

#include <assert.h>
#include <stdlib.h>

enum {
	BUCKETS = 1 << 14,
	LINE_BYTES = 64, /* of code_lines */
	ARENA_BYTES = 32 << 20,
};

/* The most that one block takes: every instruction with a link. */
enum {
	BLOCK_BYTES_MAX = sizeof(struct vm_block) +
			  (VM_BLOCK_INSTRUCTIONS_MAX + 1) *
				  (sizeof(struct vm_op) + sizeof(struct vm_block *)),
};

struct vm_blocks {
	struct vm_block *buckets[BUCKETS];
	const void *const *labels;
	uint8_t *arena;
	size_t size, used;
	size_t count;
	uint32_t crossing_bits; /* what `crossing` was made of; 0: nothing */
	_Alignas(struct vm_block) uint8_t shorter[BLOCK_BYTES_MAX];
	_Alignas(struct vm_block) uint8_t crossing[BLOCK_BYTES_MAX];
};

int vm_blocks_new(struct vm_cpu *cpu, struct gw_error *error)
{
	struct vm_blocks *blocks = calloc(1, sizeof(*blocks));

	if (!blocks)
		return gw_fail(error, GW_E_NO_MEMORY, "decoded blocks: out of memory");
	blocks->labels = vm_interpreter_labels();
	blocks->size = ARENA_BYTES;
	if (cpu->setup.blocks_max < ARENA_BYTES / BLOCK_BYTES_MAX)
		blocks->size = cpu->setup.blocks_max * BLOCK_BYTES_MAX;
	blocks->arena = malloc(blocks->size);
	cpu->blocks = blocks;
	if (!blocks->arena)
		return gw_fail(error, GW_E_NO_MEMORY, "decoded blocks: out of memory");
	return 0;
}

void vm_blocks_free(struct vm_cpu *cpu)
{
	if (cpu->blocks)
		free(cpu->blocks->arena);
	free(cpu->blocks);
}

static struct vm_block **bucket(struct vm_blocks *blocks, uint64_t offset)
{
	return &blocks->buckets[(offset / 2 ^ offset >> 15) % BUCKETS];
}

/* ---- From an instruction to an op ------------------------------------------------------------ */

/* The register a decoded instruction writes; x0 has a place that is never read. */
static uint8_t sink(uint8_t rd)
{
	return rd ? rd : VM_X_SINK;
}

static bool rounds_to_nearest(const struct vm_decoded *decoded)
{
	return decoded->rm == 0 || decoded->rm == 7;
}

/* What instructions of one handler have in common. */
enum shape {
	SHAPE_PLAIN,  /* a, b, c = rd, rs1, rs2; immediate */
	SHAPE_LOAD_F, /* the same, rd is of f */
	SHAPE_STORE,
	SHAPE_BRANCH,
	SHAPE_JUMP,
	SHAPE_ATOMIC,
	SHAPE_CSR,
	SHAPE_SYSTEM,
	SHAPE_FLOAT,
	SHAPE_FLOAT_X,
};

static enum shape shape_of(enum vm_instruction name)
{
	static const uint8_t shapes[VM_INSTRUCTIONS] = {
#define SHAPE_I SHAPE_PLAIN
#define SHAPE_IF SHAPE_LOAD_F
#define SHAPE_SHIFT SHAPE_PLAIN
#define SHAPE_S SHAPE_STORE
#define SHAPE_B SHAPE_BRANCH
#define SHAPE_U SHAPE_PLAIN
#define SHAPE_J SHAPE_JUMP
#define SHAPE_R SHAPE_PLAIN
#define SHAPE_A SHAPE_ATOMIC
#define SHAPE_NONE SHAPE_SYSTEM
#define SHAPE_FLOAT0 SHAPE_FLOAT
#define SHAPE_FLOATX SHAPE_FLOAT_X
#define SHAPE_FLOATXR SHAPE_FLOAT_X
#define SHAPE_FUSED SHAPE_FLOAT
#define SHAPE(name, match, mask, format, handler) [VM_##name] = SHAPE_##format,
		VM_INSTRUCTION_TABLE(SHAPE)
#undef SHAPE
		[VM_ILLEGAL] = SHAPE_SYSTEM,
	};

	return shapes[name];
}

static void operands(struct vm_op *op, const struct vm_decoded *decoded, uint16_t *links)
{
	int32_t name = (int32_t)decoded->name;

	op->a = sink(decoded->rd);
	op->b = decoded->rs1;
	op->c = decoded->rs2;
	op->immediate = decoded->immediate;
	switch (shape_of(decoded->name)) {
	case SHAPE_PLAIN:
		break;
	case SHAPE_LOAD_F:
		op->a = decoded->rd;
		break;
	case SHAPE_STORE:
		op->a = decoded->rs2;
		break;
	case SHAPE_BRANCH:
		op->a = (uint8_t)(*links)++;
		op->immediate += 2 * op->at;
		break;
	case SHAPE_JUMP:
		op->c = (uint8_t)(*links)++;
		op->immediate += 2 * op->at;
		break;
	case SHAPE_CSR:
		op->immediate = name | decoded->immediate << VM_OP_CSR_SHIFT;
		break;
	case SHAPE_ATOMIC:
	case SHAPE_SYSTEM:
		op->immediate = name;
		break;
	case SHAPE_FLOAT:
		op->a = decoded->rd;
		/* fallthrough */
	case SHAPE_FLOAT_X:
		op->immediate = name | decoded->rm << VM_OP_RM_SHIFT |
				decoded->rs3 << VM_OP_RS3_SHIFT;
		break;
	}
}

static bool is_float(enum shape shape)
{
	return shape == SHAPE_FLOAT || shape == SHAPE_FLOAT_X;
}

static void lower(const struct vm_cpu *cpu, struct vm_op *op, const struct vm_decoded *decoded,
		  uint16_t *links)
{
	const void *const *labels = cpu->blocks->labels;
	unsigned handler = decoded->name;

	operands(op, decoded, links);
	if (decoded->name == VM_ADDI && decoded->rd == 0)
		handler = VM_SPECIAL_NOP;
	else if (decoded->name == VM_ADDI && decoded->rs1 == 0)
		handler = VM_SPECIAL_LI;
	else if (decoded->name == VM_ADDI && decoded->immediate == 0)
		handler = VM_SPECIAL_MV;
	else if (decoded->name == VM_ADD && decoded->rs1 == 0) {
		handler = VM_SPECIAL_MV;
		op->b = decoded->rs2;
	} else if (is_float(shape_of(decoded->name)) && !rounds_to_nearest(decoded) &&
		   !(decoded->name >= VM_FSGNJ_S && decoded->name <= VM_FSGNJX_D) &&
		   !(decoded->name >= VM_FLE_S && decoded->name <= VM_FEQ_D))
		handler = VM_SPECIAL_FLOAT; /* the host only rounds to nearest */
	op->handler = labels[handler];
}

/* After these nothing is known about what comes next. */
static bool ends_block(enum vm_instruction name)
{
	switch (name) {
	case VM_JAL:
	case VM_JALR:
	case VM_ECALL:
	case VM_EBREAK:
	case VM_MRET:
	case VM_SRET:
	case VM_WFI:
	case VM_ILLEGAL:
		return true;
	default:
		return false;
	}
}

static void finish(struct vm_cpu *cpu, struct vm_block *block, unsigned bytes, uint16_t links)
{
	struct vm_op *end = &block->ops[block->count];

	*end = (struct vm_op){.handler = cpu->blocks->labels[VM_SPECIAL_END],
			      .immediate = (int32_t)bytes,
			      .c = (uint8_t)links++,
			      .at = (uint8_t)(bytes / 2)};
	block->links = (struct vm_block **)(end + 1);
	for (unsigned at = 0; at < links; at++)
		block->links[at] = NULL;
	block->cost = block->count;
}

/* Decodes what is at an offset of RAM; the size in memory of what was made. */
static size_t decode_block(struct vm_cpu *cpu, struct vm_block *block, uint64_t offset,
			   int64_t count_max)
{
	unsigned room = VM_PAGE_BYTES - offset % VM_PAGE_BYTES, bytes = 0;
	uint16_t links = 0;

	*block = (struct vm_block){.offset = offset};
	while (block->count < count_max && bytes < room) {
		const uint8_t *at = cpu->setup.ram + offset + bytes;
		uint32_t bits = base_load16(at);
		struct vm_op *op = &block->ops[block->count];
		struct vm_decoded decoded;

		if (block->count > 0 && vm_break_may_be(cpu, offset + bytes))
			break;
		*op = (struct vm_op){.at = (uint8_t)(bytes / 2)};
		if (vm_length(bits) == 4 && room - bytes < 4) {
			if (block->count > 0)
				break;
			op->handler = cpu->blocks->labels[VM_SPECIAL_CROSS];
			block->count = 1;
			bytes = room;
			break;
		}
		if (vm_length(bits) == 4)
			bits = base_load32(at);
		decoded = vm_decode(bits);
		lower(cpu, op, &decoded, &links);
		block->count++;
		bytes += decoded.length;
		if (ends_block(decoded.name))
			break;
	}
	assert(block->count > 0);
	if (vm_break_may_be(cpu, offset)) {
		block->behind_break = block->ops[0].handler;
		block->ops[0].handler = cpu->blocks->labels[VM_SPECIAL_BREAK];
	}
	finish(cpu, block, bytes, links);
	return (size_t)((uint8_t *)(block->links + links + 1) - (uint8_t *)block);
}

/* ---- Keeping --------------------------------------------------------------------------------- */

void vm_blocks_forget(struct vm_cpu *cpu)
{
	struct vm_blocks *blocks = cpu->blocks;

	for (size_t at = 0; at < BUCKETS; at++) {
		for (struct vm_block *block = blocks->buckets[at]; block;
		     block = block->next_in_bucket) {
			struct vm_page *page = &cpu->pages[block->offset / VM_PAGE_BYTES];

			page->marks &= (uint8_t)~VM_MARK_CODE;
			page->code_lines = 0;
			page->blocks = NULL;
		}
		blocks->buckets[at] = NULL;
	}
	blocks->used = 0;
	blocks->count = 0;
	vm_forget_translations(cpu); /* and with them the jumps to blocks */
}

/* The lines of a page that bytes touch, as bits. */
static uint64_t lines_of(uint64_t in_page, uint64_t size)
{
	uint64_t first = in_page / LINE_BYTES, last = (in_page + size - 1) / LINE_BYTES;

	return (UINT64_MAX << first) & (UINT64_MAX >> (63 - last));
}

static struct vm_block *make(struct vm_cpu *cpu, uint64_t offset, bool *forgot)
{
	struct vm_blocks *blocks = cpu->blocks;
	struct vm_page *page = &cpu->pages[offset / VM_PAGE_BYTES];
	struct vm_block *block;
	unsigned bytes;

	if (blocks->size - blocks->used < BLOCK_BYTES_MAX ||
	    blocks->count >= cpu->setup.blocks_max) {
		vm_blocks_forget(cpu);
		*forgot = true;
	}
	block = (struct vm_block *)(blocks->arena + blocks->used);
	blocks->used += decode_block(cpu, block, offset, cpu->setup.block_instructions_max);
	blocks->count++;
	bytes = 2 * block->ops[block->count].at;
	vm_mark_page(cpu, offset / VM_PAGE_BYTES, VM_MARK_CODE);
	page->code_lines |= lines_of(offset % VM_PAGE_BYTES, bytes);
	block->next_in_page = page->blocks;
	page->blocks = block;
	block->next_in_bucket = *bucket(blocks, offset);
	*bucket(blocks, offset) = block;
	return block;
}

struct vm_block *vm_block_find(struct vm_cpu *cpu, uint64_t pc, bool *forgot)
{
	struct vm_jump *jump = &cpu->fetch_view->jump[pc / 2 % VM_JUMPS];
	struct vm_block *block;
	uint64_t offset;

	if (!vm_fetch_page(cpu, pc, &offset))
		return NULL;
	block = *bucket(cpu->blocks, offset);
	while (block && block->offset != offset)
		block = block->next_in_bucket;
	if (!block)
		block = make(cpu, offset, forgot);
	/* A jump is kept only along with the translation that it stands for. */
	if (cpu->fetch_view->fetch[pc / VM_PAGE_BYTES % VM_FETCHES].tag == (pc & VM_PAGE_MASK)) {
		cpu->fetch_view->clean = false;
		*jump = (struct vm_jump){pc, block};
	}
	return block;
}

struct vm_block *vm_block_short(struct vm_cpu *cpu, uint64_t pc, int64_t count)
{
	struct vm_block *block = (struct vm_block *)cpu->blocks->shorter;
	uint64_t offset;

	assert(count > 0);
	if (!vm_fetch_page(cpu, pc, &offset))
		return NULL;
	if (count > cpu->setup.block_instructions_max)
		count = cpu->setup.block_instructions_max;
	decode_block(cpu, block, offset, count);
	block->scratch = true;
	return block;
}

struct vm_block *vm_block_crossing(struct vm_cpu *cpu, uint64_t pc)
{
	struct vm_block *block = (struct vm_block *)cpu->blocks->crossing;
	uint64_t first, second;
	uint32_t bits;
	struct vm_decoded decoded;
	uint16_t links = 0;

	if (!vm_fetch_page(cpu, pc, &first) || !vm_fetch_page(cpu, pc + 2, &second))
		return NULL;
	bits = base_load16(cpu->setup.ram + first) |
	       (uint32_t)base_load16(cpu->setup.ram + second) << 16;
	assert(vm_length(bits) == 4);
	if (cpu->blocks->crossing_bits == bits)
		return block;
	*block = (struct vm_block){.scratch = true, .count = 1};
	block->ops[0] = (struct vm_op){0};
	decoded = vm_decode(bits);
	lower(cpu, &block->ops[0], &decoded, &links);
	finish(cpu, block, 4, links);
	cpu->blocks->crossing_bits = bits;
	return block;
}

/* ---- Forgetting ------------------------------------------------------------------------------ */

static void take_from_bucket(struct vm_blocks *blocks, const struct vm_block *block)
{
	struct vm_block **at = bucket(blocks, block->offset);

	while (*at != block)
		at = &(*at)->next_in_bucket;
	*at = block->next_in_bucket;
}

void vm_blocks_written(struct vm_cpu *cpu, uint64_t page, uint64_t in_page, uint64_t size)
{
	struct vm_page *of = &cpu->pages[page];

	assert(page < cpu->page_count && size > 0 && size <= VM_PAGE_BYTES - in_page);
	if (!(of->code_lines & lines_of(in_page, size)))
		return;
	for (struct vm_block *block = of->blocks; block; block = block->next_in_page) {
		take_from_bucket(cpu->blocks, block);
		block->cost = VM_BLOCK_DEAD;
	}
	of->blocks = NULL;
	of->code_lines = 0;
	of->marks &= (uint8_t)~VM_MARK_CODE;
	cpu->attention = true;
}
