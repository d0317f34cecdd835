/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpret.c - one function whose labels are the instructions; each jumps to the next by the
 * pointer that decoding left in struct vm_op. In registers: `op`, where in which block we are;
 * `pc`, the address of the block's first instruction; `left`, the instructions left when this
 * block is done to its end, from which the count at any instruction follows. The count is looked
 * at where a block is entered: one that is longer than what is left is decoded again, shorter.
 */
#include "interpret.h"

#include "base/little_endian.h"
#include "execute.h"
#include "memory.h"
#include "stops.h"

#include <assert.h>
#include <math.h>

#define LIKELY(condition) __builtin_expect(!!(condition), 1)

typedef __int128 wide_signed;
typedef unsigned __int128 wide_unsigned;

/* ---- Where the host's arithmetic is provably ours -------------------------------------------- */

/*
 * With round to nearest and inexact raised already (float_fast), a normal result that is not the
 * least one can have come of nothing but numbers, and no flag changes. All else is for vm_float.
 */
static inline bool plain_double(double value, uint64_t *bits)
{
	uint64_t exponent;

	memcpy(bits, &value, sizeof(*bits));
	exponent = *bits >> 52 & 0x7ff;
	return exponent - 2 < 0x7ff - 2;
}

/* Sums are exact where they are tiny. */
static inline bool plain_sum(double value, uint64_t *bits)
{
	memcpy(bits, &value, sizeof(*bits));
	return (*bits >> 52 & 0x7ff) != 0x7ff;
}

static inline bool plain_single(float value, uint64_t *bits)
{
	uint32_t raw;

	memcpy(&raw, &value, sizeof(raw));
	*bits = raw | UINT64_MAX << 32;
	return (raw >> 23 & 0xff) - 2 < 0xff - 2;
}

static inline double as_double(uint64_t bits)
{
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

/* Without its box it is a NaN, and so is what comes of it. */
static inline float as_single(uint64_t bits)
{
	uint32_t raw = bits >> 32 == UINT32_MAX ? (uint32_t)bits : 0x7fc00000;
	float value;

	memcpy(&value, &raw, sizeof(value));
	return value;
}

/* ---- Division -------------------------------------------------------------------------------- */

static inline uint64_t divide(int64_t a, int64_t b)
{
	if (b == 0)
		return UINT64_MAX;
	return b == -1 ? 0 - (uint64_t)a : (uint64_t)(a / b);
}

static inline uint64_t remainder_of(int64_t a, int64_t b)
{
	if (b == 0)
		return (uint64_t)a;
	return b == -1 ? 0 : (uint64_t)(a % b);
}

static inline uint64_t extend(uint64_t value)
{
	return (uint64_t)(int64_t)(int32_t)value;
}

/* ---- Pieces of the interpreter --------------------------------------------------------------- */

/* The number of instructions of the block from op on, op included. */
#define FROM_HERE ((int64_t)(block->count - (op - block->ops)))

#define NEXT goto *(++op)->handler

/* Before a helper: what it may ask for. */
#define SHOW()                                                                              \
	do {                                                                                \
		cpu->pc = pc + 2 * (uint64_t)op->at;                                        \
		cpu->left = left + FROM_HERE;                                               \
	} while (0)

#define HELP(call)                                                                          \
	do {                                                                                \
		SHOW();                                                                     \
		if (!(call))                                                                \
			return VM_LEAVE_EXCEPTION;                                          \
		if (cpu->attention)                                                         \
			goto leave_behind;                                                  \
	} while (0)

#define SIMPLE(name, value)                                                                 \
	do_##name : x[op->a] = (value);                                                     \
	NEXT;

#define A_BYTE(raw) (raw)
#define ADDRESS (x[op->b] + (uint64_t)(int64_t)op->immediate)
#define KEPT(address) (&data[(address) / VM_PAGE_BYTES % VM_TRANSLATIONS])
#define TAG(address, type) ((address) & (VM_PAGE_MASK | (sizeof(type) - 1)))

#define LOAD(name, type, swap, convert)                                                     \
	do_##name : {                                                                       \
		uint64_t address = ADDRESS;                                                 \
		const struct vm_translation *kept = KEPT(address);                          \
                                                                                            \
		if (LIKELY(kept->read_tag == TAG(address, type))) {                         \
			type raw;                                                           \
                                                                                            \
			memcpy(&raw, (const void *)(kept->addend + address), sizeof(raw));  \
			raw = (type)swap(raw);                                              \
			x[op->a] = convert(raw);                                            \
			NEXT;                                                               \
		}                                                                           \
		SHOW();                                                                     \
		if (!vm_load_slow(cpu, address, sizeof(type), &value))                      \
			return VM_LEAVE_EXCEPTION;                                          \
		x[op->a] = convert((type)value);                                            \
		if (cpu->attention)                                                         \
			goto leave_behind;                                                  \
		NEXT;                                                                       \
	}

#define STORE(name, type, swap, from)                                                       \
	do_##name : {                                                                       \
		uint64_t address = ADDRESS;                                                 \
		const struct vm_translation *kept = KEPT(address);                          \
                                                                                            \
		if (LIKELY(kept->write_tag == TAG(address, type))) {                        \
			type raw = (type)swap((type)from[op->a]);                           \
                                                                                            \
			memcpy((void *)(kept->addend + address), &raw, sizeof(raw));        \
			NEXT;                                                               \
		}                                                                           \
		HELP(vm_store_slow(cpu, address, sizeof(type), from[op->a]));               \
		NEXT;                                                                       \
	}

/* To a place known when the block was made; the link knows the block there, once it was found. */
#define GO(number, relative)                                                                \
	do {                                                                                \
		next = block->links[number];                                                \
		if (LIKELY(next)) {                                                         \
			pc += (uint64_t)(int64_t)(relative);                                \
			ENTER();                                                            \
		}                                                                           \
		slot = &block->links[number];                                               \
		target = pc + (uint64_t)(int64_t)(relative);                                \
		goto find_linked;                                                           \
	} while (0)

#define ENTER()                                                                             \
	do {                                                                                \
		left -= next->cost;                                                         \
		if (!LIKELY(left >= 0))                                                     \
			goto brief;                                                         \
		block = next;                                                               \
		op = block->ops;                                                            \
		goto *op->handler;                                                          \
	} while (0)

#define BRANCH(name, condition)                                                             \
	do_##name : if (condition)                                                          \
	{                                                                                   \
		left += FROM_HERE - 1;                                                      \
		GO(op->a, op->immediate);                                                   \
	}                                                                                   \
	NEXT;

#define SIGNED(value) ((int64_t)(value))
#define X1 x[op->b]
#define X2 x[op->c]
#define IMMEDIATE ((uint64_t)(int64_t)op->immediate)
#define F1 as_double(cpu->f[op->b])
#define F2 as_double(cpu->f[op->c])
#define F3 as_double(cpu->f[(unsigned)op->immediate >> VM_OP_RS3_SHIFT & 31])
#define S1 as_single(cpu->f[op->b])
#define S2 as_single(cpu->f[op->c])

#define FLOAT(name, result, plain)                                                          \
	do_##name : if (LIKELY(cpu->float_fast) && LIKELY(plain(result, &value)))           \
	{                                                                                   \
		cpu->f[op->a] = value;                                                      \
		NEXT;                                                                       \
	}                                                                                   \
	goto do_FLOAT;

#define COMPARE(name, relation)                                                             \
	do_##name : if (LIKELY(cpu->float_fast))                                            \
	{                                                                                   \
		double one = F1, two = F2;                                                  \
                                                                                            \
		if (LIKELY(!__builtin_isunordered(one, two))) {                             \
			x[op->a] = one relation two;                                        \
			NEXT;                                                               \
		}                                                                           \
	}                                                                                   \
	goto do_FLOAT;

#define SIGN(name, bits)                                                                    \
	do_##name : if (LIKELY(cpu->float_fast))                                            \
	{                                                                                   \
		uint64_t one = cpu->f[op->b], two = cpu->f[op->c];                          \
                                                                                            \
		cpu->f[op->a] = (one & INT64_MAX) | ((bits) & ~(uint64_t)INT64_MAX);        \
		NEXT;                                                                       \
	}                                                                                   \
	goto do_FLOAT;

/* A register of f is loaded: FS must not be off, and is dirty when it was done. */
#define LOAD_FLOAT(name, type, swap, box)                                                   \
	do_##name : {                                                                       \
		uint64_t address = ADDRESS;                                                 \
		const struct vm_translation *kept = KEPT(address);                          \
                                                                                            \
		if (LIKELY(kept->read_tag == TAG(address, type)) &&                         \
		    LIKELY((cpu->mstatus & VM_STATUS_FS) == VM_STATUS_FS)) {                \
			type raw;                                                           \
                                                                                            \
			memcpy(&raw, (const void *)(kept->addend + address), sizeof(raw));  \
			cpu->f[op->a] = swap(raw) | (box);                                  \
			NEXT;                                                               \
		}                                                                           \
		SHOW();                                                                     \
		if (!load_float(cpu, address, sizeof(type), op->a))                         \
			return VM_LEAVE_EXCEPTION;                                          \
		if (cpu->attention)                                                         \
			goto leave_behind;                                                  \
		NEXT;                                                                       \
	}

static bool load_float(struct vm_cpu *cpu, uint64_t address, unsigned size, unsigned number)
{
	uint64_t value;

	if (!(cpu->mstatus & VM_STATUS_FS))
		return vm_raise_illegal(cpu);
	if (!vm_load_slow(cpu, address, size, &value))
		return false;
	cpu->f[number] = size == 4 ? value | UINT64_MAX << 32 : value;
	vm_float_dirty(cpu);
	return true;
}

static bool store_float(struct vm_cpu *cpu, uint64_t address, unsigned size, unsigned number)
{
	if (!(cpu->mstatus & VM_STATUS_FS))
		return vm_raise_illegal(cpu);
	return vm_store_slow(cpu, address, size, cpu->f[number]);
}

#define STORE_FLOAT(name, type, swap)                                                       \
	do_##name : {                                                                       \
		uint64_t address = ADDRESS;                                                 \
		const struct vm_translation *kept = KEPT(address);                          \
                                                                                            \
		if (LIKELY(kept->write_tag == TAG(address, type)) &&                        \
		    LIKELY(cpu->mstatus & VM_STATUS_FS)) {                                  \
			type raw = swap((type)cpu->f[op->a]);                               \
                                                                                            \
			memcpy((void *)(kept->addend + address), &raw, sizeof(raw));        \
			NEXT;                                                               \
		}                                                                           \
		HELP(store_float(cpu, address, sizeof(type), op->a));                       \
		NEXT;                                                                       \
	}

/* With no hart: only tells its labels. */
static enum vm_leave interpret(struct vm_cpu *cpu, const void *const **labels_out)
{
	static const void *const labels[VM_HANDLERS] = {
		[VM_ILLEGAL] = &&do_SYSTEM,
#define LABEL(name, match, mask, format, handler) [VM_##name] = &&do_##handler,
		VM_INSTRUCTION_TABLE(LABEL)
#undef LABEL
		[VM_SPECIAL_END] = &&do_END,
		[VM_SPECIAL_BREAK] = &&do_BREAK,
		[VM_SPECIAL_CROSS] = &&do_CROSS,
		[VM_SPECIAL_NOP] = &&do_NOP,
		[VM_SPECIAL_LI] = &&do_LI,
		[VM_SPECIAL_MV] = &&do_MV,
		[VM_SPECIAL_FLOAT] = &&do_FLOAT,
	};
	uint64_t *x;
	const struct vm_op *op;
	struct vm_block *block = NULL, *next;
	struct vm_block **slot = NULL; /* the link by which we came, if it may be set */
	const struct vm_jump *jump;
	const struct vm_translation *data;
	uint64_t pc, target, value;
	int64_t left;
	bool forgot;

	if (!cpu) {
		*labels_out = labels;
		return VM_LEAVE_COUNT;
	}
	x = cpu->x;
	data = cpu->data_view->data;
	pc = cpu->pc;
	left = cpu->left;
	goto find;

	/* ---- From block to block ------------------------------------------------------------- */

find_linked:
	/* Within one page the way is the same whatever the addresses mean. */
	if ((target ^ pc) / VM_PAGE_BYTES || block->scratch)
		slot = NULL;
	pc = target;
find:
	jump = &cpu->fetch_view->jump[pc / 2 % VM_JUMPS];
	next = jump->block;
	if (LIKELY(jump->pc == pc)) {
		if (slot) {
			*slot = next;
			slot = NULL;
		}
		ENTER();
	}
search:
	cpu->pc = pc;
	cpu->left = left;
	if (left == 0)
		return VM_LEAVE_COUNT;
	forgot = false;
	next = vm_block_find(cpu, pc, &forgot);
	if (!next)
		return VM_LEAVE_EXCEPTION;
	if (slot && !forgot)
		*slot = next;
	slot = NULL;
	ENTER();
brief:
	/* Not all of the block is to be done; or it is not there any more. */
	left += next->cost;
	slot = NULL;
	if (left > 0 && next->cost == VM_BLOCK_DEAD)
		goto search;
	cpu->pc = pc;
	cpu->left = left;
	if (left == 0)
		return VM_LEAVE_COUNT;
	next = vm_block_short(cpu, pc, left);
	if (!next)
		return VM_LEAVE_EXCEPTION;
	ENTER();
do_END:
	GO(op->c, op->immediate);
do_BREAK:
	SHOW();
	if (vm_break_here(cpu))
		return VM_LEAVE_EXCEPTION;
	goto *block->behind_break;
do_CROSS:
	left++;
	cpu->pc = pc;
	cpu->left = left;
	next = vm_block_crossing(cpu, pc);
	if (!next)
		return VM_LEAVE_EXCEPTION;
	ENTER();
leave_behind:
	cpu->pc = pc + 2 * (uint64_t)op[1].at;
	cpu->left = left + FROM_HERE - 1;
	return VM_LEAVE_ATTENTION;

	/* ---- Jumps --------------------------------------------------------------------------- */

do_JAL:
	x[op->a] = pc + 2 * (uint64_t)op[1].at;
	GO(op->c, op->immediate);
do_JALR:
	target = (X1 + IMMEDIATE) & ~UINT64_C(1);
	x[op->a] = pc + 2 * (uint64_t)op[1].at;
	pc = target;
	goto find;
	BRANCH(BEQ, X1 == X2)
	BRANCH(BNE, X1 != X2)
	BRANCH(BLT, SIGNED(X1) < SIGNED(X2))
	BRANCH(BGE, SIGNED(X1) >= SIGNED(X2))
	BRANCH(BLTU, X1 < X2)
	BRANCH(BGEU, X1 >= X2)

	/* ---- Memory -------------------------------------------------------------------------- */

	LOAD(LB, int8_t, A_BYTE, (uint64_t)(int64_t))
	LOAD(LH, int16_t, le16toh, (uint64_t)(int64_t))
	LOAD(LW, int32_t, le32toh, (uint64_t)(int64_t))
	LOAD(LD, uint64_t, le64toh, )
	LOAD(LBU, uint8_t, A_BYTE, )
	LOAD(LHU, uint16_t, le16toh, )
	LOAD(LWU, uint32_t, le32toh, )
	STORE(SB, uint8_t, A_BYTE, x)
	STORE(SH, uint16_t, htole16, x)
	STORE(SW, uint32_t, htole32, x)
	STORE(SD, uint64_t, htole64, x)
	LOAD_FLOAT(FLW, uint32_t, le32toh, UINT64_MAX << 32)
	LOAD_FLOAT(FLD, uint64_t, le64toh, 0)
	STORE_FLOAT(FSW, uint32_t, htole32)
	STORE_FLOAT(FSD, uint64_t, htole64)

	/* ---- Whole numbers ------------------------------------------------------------------- */

do_NOP:
	NEXT;
	SIMPLE(LI, IMMEDIATE)
	SIMPLE(MV, X1)
	SIMPLE(AUIPC, pc + 2 * (uint64_t)op->at + IMMEDIATE)
	SIMPLE(ADDI, X1 + IMMEDIATE)
	SIMPLE(SLTI, SIGNED(X1) < SIGNED(IMMEDIATE))
	SIMPLE(SLTIU, X1 < IMMEDIATE)
	SIMPLE(XORI, X1 ^ IMMEDIATE)
	SIMPLE(ORI, X1 | IMMEDIATE)
	SIMPLE(ANDI, X1 & IMMEDIATE)
	SIMPLE(SLLI, X1 << op->immediate)
	SIMPLE(SRLI, X1 >> op->immediate)
	SIMPLE(SRAI, (uint64_t)(SIGNED(X1) >> op->immediate))
	SIMPLE(ADDIW, extend(X1 + IMMEDIATE))
	SIMPLE(SLLIW, extend(X1 << op->immediate))
	SIMPLE(SRLIW, extend((uint32_t)X1 >> op->immediate))
	SIMPLE(SRAIW, (uint64_t)(int64_t)((int32_t)X1 >> op->immediate))
	SIMPLE(ADD, X1 + X2)
	SIMPLE(SUB, X1 - X2)
	SIMPLE(SLL, X1 << (X2 & 63))
	SIMPLE(SLT, SIGNED(X1) < SIGNED(X2))
	SIMPLE(SLTU, X1 < X2)
	SIMPLE(XOR, X1 ^ X2)
	SIMPLE(SRL, X1 >> (X2 & 63))
	SIMPLE(SRA, (uint64_t)(SIGNED(X1) >> (X2 & 63)))
	SIMPLE(OR, X1 | X2)
	SIMPLE(AND, X1 & X2)
	SIMPLE(ADDW, extend(X1 + X2))
	SIMPLE(SUBW, extend(X1 - X2))
	SIMPLE(SLLW, extend(X1 << (X2 & 31)))
	SIMPLE(SRLW, extend((uint32_t)X1 >> (X2 & 31)))
	SIMPLE(SRAW, (uint64_t)(int64_t)((int32_t)X1 >> (X2 & 31)))
	SIMPLE(MUL, X1 * X2)
	SIMPLE(MULH, (uint64_t)((wide_signed)SIGNED(X1) * SIGNED(X2) >> 64))
	SIMPLE(MULHSU, (uint64_t)((wide_signed)SIGNED(X1) * (wide_signed)X2 >> 64))
	SIMPLE(MULHU, (uint64_t)((wide_unsigned)X1 * X2 >> 64))
	SIMPLE(DIV, divide(SIGNED(X1), SIGNED(X2)))
	SIMPLE(DIVU, X2 ? X1 / X2 : UINT64_MAX)
	SIMPLE(REM, remainder_of(SIGNED(X1), SIGNED(X2)))
	SIMPLE(REMU, X2 ? X1 % X2 : X1)
	SIMPLE(MULW, extend(X1 * X2))
	SIMPLE(DIVW, extend(divide((int32_t)X1, (int32_t)X2)))
	SIMPLE(DIVUW, extend((uint32_t)X2 ? (uint32_t)X1 / (uint32_t)X2 : UINT32_MAX))
	SIMPLE(REMW, extend(remainder_of((int32_t)X1, (int32_t)X2)))
	SIMPLE(REMUW, extend((uint32_t)X2 ? (uint32_t)X1 % (uint32_t)X2 : X1))

	/* ---- Floating point, where the host can ---------------------------------------------- */

	FLOAT(FADD_D, F1 + F2, plain_sum)
	FLOAT(FSUB_D, F1 - F2, plain_sum)
	FLOAT(FMUL_D, F1 * F2, plain_double)
	FLOAT(FDIV_D, F1 / F2, plain_double)
	FLOAT(FSQRT_D, sqrt(F1), plain_double)
	FLOAT(FMADD_D, fma(F1, F2, F3), plain_double)
	FLOAT(FMSUB_D, fma(F1, F2, -F3), plain_double)
	FLOAT(FNMSUB_D, fma(-F1, F2, F3), plain_double)
	FLOAT(FNMADD_D, fma(-F1, F2, -F3), plain_double)
	FLOAT(FADD_S, S1 + S2, plain_single)
	FLOAT(FSUB_S, S1 - S2, plain_single)
	FLOAT(FMUL_S, S1 * S2, plain_single)
	FLOAT(FDIV_S, S1 / S2, plain_single)
	COMPARE(FEQ_D, ==)
	COMPARE(FLT_D, <)
	COMPARE(FLE_D, <=)
	SIGN(FSGNJ_D, two)
	SIGN(FSGNJN_D, ~two)
	SIGN(FSGNJX_D, one ^ two)

	/* ---- What helpers do ----------------------------------------------------------------- */

do_FLOAT:
	HELP(vm_float(cpu, op));
	NEXT;
do_ATOMIC:
	HELP(vm_atomic(cpu, op));
	NEXT;
do_CSR:
	HELP(vm_csr(cpu, op));
	NEXT;
do_SYSTEM:
	HELP(vm_system(cpu, op));
	NEXT;
do_RETURN:
	SHOW();
	if (!vm_return(cpu, op))
		return VM_LEAVE_EXCEPTION;
	cpu->left--;
	return VM_LEAVE_ATTENTION;
}

enum vm_leave vm_interpret(struct vm_cpu *cpu)
{
	return interpret(cpu, NULL);
}

const void *const *vm_interpreter_labels(void)
{
	const void *const *labels = NULL;

	interpret(NULL, &labels);
	return labels;
}
