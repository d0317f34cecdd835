/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state.h - the inside of a hart: what the guest sees (saved), and what is kept to be fast (never
 * seen: it may be thrown away between any two instructions without a difference).
 *
 * Kept are translations (struct vm_view) and decoded blocks (block.h). RAM pages whose bytes they
 * were made from are marked; no translation that may be written through leads to a marked page, so
 * that every store to one goes through vm_store_slow, which forgets what was made from it.
 */
#ifndef VM_CPU_STATE_H
#define VM_CPU_STATE_H

#include "cpu.h"

struct vm_block;

enum {
	VM_X_SINK = 32, /* decoded instructions that write x0 write here */
	VM_PMP_ENTRIES = 16,

	VM_TRANSLATIONS = 512, /* of a view; powers of two */
	VM_FETCHES = 64,
	VM_JUMPS = 1024,
	VM_SPACES = 8, /* address spaces whose translations are kept */

	VM_TABLE_PAGES_MAX = 4096, /* marked as page tables */
	VM_TABLE_STORES_MAX = 1 << 16, /* to marked pages, until they are looked at anew */
};

/* What no address with its low bits masked equals. */
#define VM_TAG_NONE UINT64_C(0x800)
#define VM_PAGE_MASK (~UINT64_C(0xfff))

/* The bits of mstatus. */
#define VM_STATUS_SIE (UINT64_C(1) << 1)
#define VM_STATUS_MIE (UINT64_C(1) << 3)
#define VM_STATUS_SPIE (UINT64_C(1) << 5)
#define VM_STATUS_MPIE (UINT64_C(1) << 7)
#define VM_STATUS_SPP (UINT64_C(1) << 8)
#define VM_STATUS_MPP_SHIFT 11
#define VM_STATUS_MPP (UINT64_C(3) << VM_STATUS_MPP_SHIFT)
#define VM_STATUS_FS (UINT64_C(3) << 13)
#define VM_STATUS_MPRV (UINT64_C(1) << 17)
#define VM_STATUS_SUM (UINT64_C(1) << 18)
#define VM_STATUS_MXR (UINT64_C(1) << 19)
#define VM_STATUS_TVM (UINT64_C(1) << 20)
#define VM_STATUS_TW (UINT64_C(1) << 21)
#define VM_STATUS_TSR (UINT64_C(1) << 22)
#define VM_STATUS_XL ((UINT64_C(2) << 32) | (UINT64_C(2) << 34)) /* UXL, SXL: 64 */
#define VM_STATUS_SD (UINT64_C(1) << 63)

#define VM_SATP_SV39 UINT64_C(8)

enum vm_cause {
	VM_CAUSE_FETCH_ACCESS = 1,
	VM_CAUSE_ILLEGAL = 2,
	VM_CAUSE_BREAKPOINT = 3,
	VM_CAUSE_LOAD_MISALIGNED = 4,
	VM_CAUSE_LOAD_ACCESS = 5,
	VM_CAUSE_STORE_MISALIGNED = 6,
	VM_CAUSE_STORE_ACCESS = 7,
	VM_CAUSE_ECALL = 8, /* plus the mode */
	VM_CAUSE_FETCH_PAGE = 12,
	VM_CAUSE_LOAD_PAGE = 13,
	VM_CAUSE_STORE_PAGE = 15,
};

/*
 * The fields that are saved, X(name), each a uint64_t; the registers x, f, pmpaddr and pmpcfg are
 * apart. instret and cycle are what is added to the count, or the counters themselves while
 * mcountinhibit has their bit.
 */
#define VM_STATE_FIELDS(X)                                                             \
	X(pc)                                                                          \
	X(mode)                                                                        \
	X(waiting)                                                                     \
	X(count)                                                                       \
	X(time_offset)                                                                 \
	X(lines)                                                                       \
	X(instret)                                                                     \
	X(cycle)                                                                       \
	X(mstatus)                                                                     \
	X(medeleg)                                                                     \
	X(mideleg)                                                                     \
	X(mie)                                                                         \
	X(mip)                                                                         \
	X(mtvec)                                                                       \
	X(mcounteren)                                                                  \
	X(mcountinhibit)                                                               \
	X(menvcfg)                                                                     \
	X(mscratch)                                                                    \
	X(mepc)                                                                        \
	X(mcause)                                                                      \
	X(mtval)                                                                       \
	X(stvec)                                                                       \
	X(scounteren)                                                                  \
	X(senvcfg)                                                                     \
	X(sscratch)                                                                    \
	X(sepc)                                                                        \
	X(scause)                                                                      \
	X(stval)                                                                       \
	X(satp)                                                                        \
	X(fflags)                                                                      \
	X(frm)                                                                         \
	X(reserved)                                                                    \
	X(reservation)

/* A translation of a page for data. A tag equals an address whose offset in the page is masked away
 * but for the bits that alignment wants zero; addend + address is then in the host's memory. */
struct vm_translation {
	uint64_t read_tag;
	uint64_t write_tag;
	uintptr_t addend;
	uint64_t page; /* of RAM */
};

struct vm_fetch {
	uint64_t tag;
	uint64_t page; /* of RAM */
};

struct vm_jump {
	uint64_t pc; /* odd: none */
	struct vm_block *block;
};

/* Translations that hold for one address space in one mode. */
struct vm_view {
	bool clean; /* nothing in it */
	struct vm_translation data[VM_TRANSLATIONS];
	struct vm_fetch fetch[VM_FETCHES];
	struct vm_jump jump[VM_JUMPS];
};

enum { VM_VIEW_USER, VM_VIEW_SUPERVISOR, VM_VIEW_SUM, VM_VIEWS_OF_SPACE };

struct vm_space {
	bool used;
	uint64_t satp;
	uint64_t used_at; /* for the choice of who goes */
	struct vm_view views[VM_VIEWS_OF_SPACE];
};

enum { VM_VIEW_COUNT = 2 + VM_SPACES * VM_VIEWS_OF_SPACE };

/* Marks of a page of RAM. */
enum {
	VM_MARK_CODE = 1,  /* blocks were decoded from it */
	VM_MARK_TABLE = 2, /* translations were made by it */
	VM_MARK_CLEAN = 4, /* to be noted when it is written */
};

struct vm_page {
	/* The only translation that it may be written through, as its number + 1; 0: none. */
	uint32_t writer;
	uint8_t marks;
	uint64_t code_lines; /* of 64 bytes, that blocks were decoded from */
	struct vm_block *blocks;
};

#define VM_WRITERS_MANY UINT32_MAX

/* What an exception says, until it is taken. */
struct vm_exception {
	uint64_t cause;
	uint64_t value;
};

struct vm_cpu {
	uint64_t x[VM_REGISTERS + 1];
	uint64_t f[VM_REGISTERS];
#define VM_STATE_DECLARE(name) uint64_t name;
	VM_STATE_FIELDS(VM_STATE_DECLARE)
#undef VM_STATE_DECLARE
	uint64_t pmpaddr[VM_PMP_ENTRIES];
	uint8_t pmpcfg[VM_PMP_ENTRIES];

	/* ---- From here on nothing is saved. -------------------------------------------------- */

	/* While the interpreter is in a helper: the instructions left of this run, the one being
	 * executed included. Then `count` is behind; vm_cpu_count knows. */
	int64_t left;
	uint64_t until;
	bool running;
	bool attention; /* leave the block behind this instruction, and look at everything anew */
	bool stop_asked;
	bool ecall_stopped;
	bool stopped; /* before the instruction at pc, by `stops` */
	/* Whether arithmetic may try the host's: FS is dirty, frm is to nearest, and inexact is
	 * raised already, so that its being raised again is no change. */
	bool float_fast;
	struct vm_exception exception;

	struct vm_cpu_setup setup;
	struct vm_view *data_view;
	struct vm_view *fetch_view;
	struct vm_space *spaces; /* VM_SPACES */
	struct vm_view *machine_view;
	struct vm_view *never_view; /* never filled: MXR */
	uint64_t space_clock;

	struct vm_page *pages; /* of RAM */
	uint64_t page_count;
	uint32_t *table_pages;
	size_t table_page_count;
	uint32_t table_stores;
	struct vm_blocks *blocks;

	struct vm_stops *stops; /* stops.h; NULL: there never were any */

	uint32_t *written; /* pages, page_count of room; NULL: nobody wants to know */
	size_t written_count;
};

/* ---- cpu.c ----------------------------------------------------------------------------------- */

/* After the mode, mstatus or satp changed: the views and float_fast that go with them. */
void vm_cpu_changed(struct vm_cpu *cpu);

/* Notes an exception of the instruction that is being executed; returns false. */
bool vm_raise(struct vm_cpu *cpu, uint64_t cause, uint64_t value);
/* An illegal instruction, with its bits. */
bool vm_raise_illegal(struct vm_cpu *cpu);

static inline uint64_t vm_status_mode(const struct vm_cpu *cpu)
{
	return (cpu->mstatus & VM_STATUS_MPP) >> VM_STATUS_MPP_SHIFT;
}

/* The mode that loads and stores are done in. */
static inline uint64_t vm_data_mode(const struct vm_cpu *cpu)
{
	return cpu->mstatus & VM_STATUS_MPRV ? vm_status_mode(cpu) : cpu->mode;
}

#endif
