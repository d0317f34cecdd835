# SPDX-License-Identifier: Apache-2.0
# Sv39 and PMP: rights, accessed and dirty bits, sizes of pages, tables that change without a fence.
	.include "check.inc"

	.set	V, 1
	.set	R, 2
	.set	W, 4
	.set	X, 8
	.set	U, 16
	.set	A, 64
	.set	D, 128
	.set	MPRV, 1 << 17
	.set	SUM, 1 << 18
	.set	MXR, 1 << 19

# Puts an entry for page `index` (addresses from 0 on) to a label, with rights.
.macro map index, label, rights
	la	t0, \label
	srli	t0, t0, 2
	ori	t0, t0, \rights & 0x3ff
	la	t1, leaves + 8 * \index
	sd	t0, 0(t1)
.endm

# Loads and stores are supervisor mode's from here on; a trap puts an end to that.
.macro as_supervisor
	li	t0, 0x1800
	csrc	mstatus, t0
	li	t0, MPRV | 0x0800
	csrs	mstatus, t0
.endm

# A load or store in supervisor mode's eyes, which faults, or not.
.macro faults cause, address, instruction:vararg
	la	t0, .Lfault\@
	csrw	mtvec, t0
	li	a1, \address
	as_supervisor
	\instruction
	j	fail
	.balign	4
.Lfault\@:
	li	t0, MPRV
	csrc	mstatus, t0
	csrr	a2, mcause
	expect	a2, \cause
	csrr	a2, mtval
	expect	a2, \address
.endm

.macro works address, instruction:vararg
	la	t0, fail
	csrw	mtvec, t0
	li	a1, \address
	as_supervisor
	\instruction
	li	t0, MPRV
	csrc	mstatus, t0
.endm

.macro bits index, mask, value
	la	t1, leaves + 8 * \index
	ld	a2, 0(t1)
	andi	a2, a2, \mask
	expect	a2, \value
.endm

main:
	# The root: from 0 the small pages, at 2 GiB itself in one large one.
	la	t0, middle
	srli	t0, t0, 2
	ori	t0, t0, V
	la	t1, root
	sd	t0, 0(t1)
	li	t0, (0x80000000 >> 2) | V | R | W | X | A | D
	sd	t0, 16(t1)
	la	t0, leaves
	srli	t0, t0, 2
	ori	t0, t0, V
	la	t1, middle
	sd	t0, 0(t1)
	la	t0, root
	srli	t0, t0, 12
	li	t1, 8 << 60
	or	t0, t0, t1
	csrw	satp, t0
	sfence.vma

	map	1, page, V|R|W
	faults	13, 0x0000, ld a0, 0(a1)
	works	0x1000, ld a0, 0(a1)
	expect	a0, 0x55
	bits	1, A|D, A
	works	0x1000, sd a0, 8(a1)
	bits	1, A|D, A|D
	# No fence: an entry counts as it is written.
	map	1, other, V|R|W
	works	0x1000, ld a0, 0(a1)
	expect	a0, 0x66
	map	1, page, V|R
	works	0x1000, ld a0, 0(a1)
	expect	a0, 0x55
	faults	15, 0x1000, sd a0, 0(a1)
	faults	15, 0x1000, amoadd.d a0, a0, (a1)
	faults	15, 0x1008, sc.d a0, a0, (a1)
	map	1, page, V|X
	faults	13, 0x1000, ld a0, 0(a1)
	li	t0, MXR
	csrs	mstatus, t0
	works	0x1000, ld a0, 0(a1)
	li	t0, MXR
	csrc	mstatus, t0
	map	1, page, V|W
	faults	13, 0x1000, ld a0, 0(a1)
	map	1, page, V|R|W|U
	faults	13, 0x1000, ld a0, 0(a1)
	li	t0, SUM
	csrs	mstatus, t0
	works	0x1000, ld a0, 0(a1)
	expect	a0, 0x55
	li	t0, SUM
	csrc	mstatus, t0
	map	1, page, R|W
	faults	13, 0x1000, ld a0, 0(a1)
	map	1, page, V
	faults	13, 0x1000, ld a0, 0(a1)
	# Reserved bits; addresses that are none; a large page out of line.
	map	1, page, V|R|W
	la	t1, leaves + 8
	ld	t0, 0(t1)
	li	t2, 1 << 54
	or	t0, t0, t2
	sd	t0, 0(t1)
	faults	13, 0x1000, ld a0, 0(a1)
	faults	13, 0x4000000000, ld a0, 0(a1)
	la	t1, root
	li	t0, ((0x80000000 + 0x1000) >> 2) | V | R | W | A | D
	sd	t0, 8(t1)
	faults	13, 0x40000000, ld a0, 0(a1)
	# A table that is not in RAM.
	li	t0, (0x1000 >> 2) | V
	sd	t0, 8(t1)
	faults	5, 0x40000000, ld a0, 0(a1)
	# Misaligned over two pages, the second not there; then two that are far apart.
	map	1, page, V|R|W
	faults	15, 0x2000, sd a0, -4(a1)
	map	2, other, V|R|W
	li	a0, 0x1122334455667788
	works	0x2000, sd a0, -4(a1)
	lwu	a2, page + 4092
	expect	a2, 0x55667788
	lwu	a2, other
	expect	a2, 0x11223344

	# Instructions: in user mode, from a page that is its own.
	map	3, user, V|R|X
	la	t0, 1f
	csrw	mtvec, t0
	li	t0, 0x1800
	csrc	mstatus, t0
	li	t0, 0x3000
	csrw	mepc, t0
	mret
	.balign	4
1:	csrr	a2, mcause
	expect	a2, 12
	csrr	a2, mtval
	expect	a2, 0x3000
	map	3, user, V|R|X|U
	la	t0, 1f
	csrw	mtvec, t0
	mret
	.balign	4
1:	csrr	a2, mcause
	expect	a2, 8
	csrr	a2, mepc
	expect	a2, 0x3004
	expect	a7, 42
	# The same page becomes another one under its feet.
	map	3, user2, V|R|X|U
	la	t0, 1f
	csrw	mtvec, t0
	mret
	.balign	4
1:	csrr	a2, mepc
	expect	a2, 0x3008
	expect	a7, 43

	# PMP: a locked page counts in machine mode too.
	la	a1, guarded
	srli	t0, a1, 2
	ori	t0, t0, 0x1ff
	csrw	pmpaddr0, t0
	li	t0, -1
	csrw	pmpaddr1, t0
	li	t0, 0x1f00 | 0x99 # locked, read only
	csrw	pmpcfg0, t0
	ld	a0, 0(a1)
	la	t0, 1f
	csrw	mtvec, t0
	sd	a0, 0(a1)
	.balign	4
1:	csrr	a2, mcause
	expect	a2, 7
	csrr	a2, pmpcfg0
	csrw	pmpcfg0, x0
	csrr	a2, pmpcfg0
	expect	a2, 0x99
	j	pass

	.balign	4096
user:	li	a7, 42
	ecall
	.balign	4096
user2:	nop
	li	a7, 43
	ecall
	.data
	.balign	4096
root:	.space	4096
middle:	.space	4096
leaves:	.space	4096
page:	.dword	0x55
	.space	4088
other:	.dword	0x66
	.space	4088
guarded: .space	4096
