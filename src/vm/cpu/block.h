/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.h - decoded instructions, in blocks kept by where they lie in RAM. A block is a straight
 * run within one page: it ends with a jump, an instruction that may change everything, the page,
 * or a limit; conditional branches leave it when they are taken.
 *
 * A seam for a translator: whoever makes blocks (block.c) and whoever runs them (interpret.c) share
 * these structs only. A translator makes something to run out of the same blocks, spends `cost`
 * where it enters one, and falls back on vm_block_short where the count ends inside.
 */
#ifndef VM_CPU_BLOCK_H
#define VM_CPU_BLOCK_H

#include "decode.h"
#include "state.h"

/*
 * One decoded instruction. a, b, c are registers (as they are used: mostly rd, rs1, rs2; a of
 * stores is what is stored); of branches a, of jumps c is the number of a link. immediate of
 * control transfers is relative to the start of the block. What a helper carries out has its enum
 * vm_instruction in the low 12 bits of immediate; above that the CSR, or rm and, 4 bits up, rs3.
 */
struct vm_op {
	const void *handler; /* the interpreter's label */
	int32_t immediate;
	uint8_t a, b, c;
	uint8_t at; /* offset in the block, in units of two bytes */
};

enum { VM_OP_NAME_MASK = 0xfff, VM_OP_CSR_SHIFT = 12, VM_OP_RM_SHIFT = 12, VM_OP_RS3_SHIFT = 16 };

/* Labels of the interpreter that are not the handler of an instruction. */
enum vm_special {
	VM_SPECIAL_END = VM_INSTRUCTIONS, /* goes on behind the block */
	VM_SPECIAL_BREAK, /* a break may be here: `behind_break` carries the instruction out */
	VM_SPECIAL_CROSS, /* an instruction that lies in two pages */
	VM_SPECIAL_NOP,
	VM_SPECIAL_LI,
	VM_SPECIAL_MV,
	VM_SPECIAL_FLOAT,
	VM_HANDLERS
};

struct vm_block {
	int32_t cost;    /* what entering it takes from the count; VM_BLOCK_DEAD: nobody may */
	uint16_t count;  /* instructions */
	bool scratch;    /* belongs to nobody: is run once */
	uint64_t offset; /* in RAM */
	struct vm_block **links; /* to blocks of the same page, when known */
	const void *behind_break;
	struct vm_block *next_in_bucket;
	struct vm_block *next_in_page;
	struct vm_op ops[]; /* count of them, and a VM_SPECIAL_END */
};

enum { VM_BLOCK_DEAD = 1 << 30 };

int vm_blocks_new(struct vm_cpu *cpu, struct gw_error *error) GW_MUST_CHECK;
void vm_blocks_free(struct vm_cpu *cpu);

/*
 * The block at pc in the present mode, made if there is none; NULL: an exception was raised.
 * *forgot is set if all others are gone, so that no pointer to one may be kept.
 */
struct vm_block *vm_block_find(struct vm_cpu *cpu, uint64_t pc, bool *forgot);
/* A block at pc of at most `count` instructions, good until the next call; NULL as above. */
struct vm_block *vm_block_short(struct vm_cpu *cpu, uint64_t pc, int64_t count);
/* The instruction at pc whose halves lie in two pages, alone; good until the next call; or NULL. */
struct vm_block *vm_block_crossing(struct vm_cpu *cpu, uint64_t pc);
/* Forgets all blocks and translations. */
void vm_blocks_forget(struct vm_cpu *cpu);
/* Forgets blocks if bytes of a page are theirs. */
void vm_blocks_written(struct vm_cpu *cpu, uint64_t page, uint64_t in_page, uint64_t size);

/* interpret.c: the labels by enum vm_instruction and vm_special. */
const void *const *vm_interpreter_labels(void);

#endif
