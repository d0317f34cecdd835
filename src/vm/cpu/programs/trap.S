# SPDX-License-Identifier: Apache-2.0
# CSRs, modes, exceptions and interrupts. The device at 0x10000000 sets the lines that are written to it.
	.include "check.inc"

	.set	DEVICE, 0x10000000

# The instructions that follow raise an exception, which comes to label `9:` behind them in M-mode.
.macro traps cause, value
	csrr	x31, mcause
	mv	a0, x31
	expect	a0, \cause
	csrr	a0, mtval
	expect	a0, \value
.endm

.macro handler label
	la	t0, \label
	csrw	mtvec, t0
.endm

# Goes on behind in another mode (0 or 1).
.macro enter mode
	li	t0, 0x1800
	csrc	mstatus, t0
	li	t0, \mode << 11
	csrs	mstatus, t0
	la	t0, .Lin\@
	csrw	mepc, t0
	mret
.Lin\@:
.endm

# An interrupt of machine mode by a line: the bit, its number.
.macro line bit
	handler	8f
	li	t1, 1 << \bit
	csrw	mie, t1
	li	t2, DEVICE
	sd	t1, 0(t2)
	csrsi	mstatus, 8
	j	fail
	.balign	4
8:	csrr	a0, mcause
	expect	a0, (1 << 63) | \bit
	sd	x0, 0(t2)
	csrr	a0, mip
	expect	a0, 0
	csrw	mie, x0
.endm

main:
	li	a0, 0x123
	csrrw	a1, mscratch, a0
	csrrs	a1, mscratch, x0
	expect	a1, 0x123
	li	a0, 0x3
	csrrc	a1, mscratch, a0
	csrrsi	a1, mscratch, 1
	expect	a1, 0x120
	csrrci	a1, mscratch, 1
	expect	a1, 0x121
	csrrwi	a1, mscratch, 31
	csrr	a1, mscratch
	expect	a1, 31
	csrr	a1, misa
	expect	a1, 0x800000000014112d

	# What instret and cycle say.
	rdinstret a0
	rdinstret a1
	sub	a0, a1, a0
	expect	a0, 1
	rdcycle	a0
	rdtime	a0

	handler	1f
	.word	0
	.balign	4
1:	traps	2, 0
	handler	1f
	csrw	mhartid, x0
	.balign	4
1:	traps	2, 0xf1401073
	handler	1f
2:	ebreak
	.balign	4
1:	csrr	a0, mcause
	expect	a0, 3
	csrr	a0, mepc
	la	a1, 2b
	sub	a0, a0, a1
	expect	a0, 0
	handler	1f
	ecall
	.balign	4
1:	traps	11, 0
	handler	1f
	li	a1, 0x1001
	lr.w	a0, (a1)
	.balign	4
1:	traps	4, 0x1001
	handler	1f
	sc.w	a0, a0, (a1)
	.balign	4
1:	traps	6, 0x1001
	handler	1f
	li	a1, 0x1000
	ld	a0, 0(a1)
	.balign	4
1:	traps	5, 0x1000
	handler	1f
	sd	a0, 8(a1)
	.balign	4
1:	traps	7, 0x1008
	handler	1f
	jalr	a1
	.balign	4
1:	traps	1, 0x1000

	line	3
	line	7
	line	11
	line	1
	line	5
	line	9

	# Below machine mode.
	handler	1f
	enter	0
	ecall
	.balign	4
1:	traps	8, 0
	handler	1f
	enter	0
	wfi
	.balign	4
1:	traps	2, 0x10500073
	handler	1f
	enter	1
	ecall
	.balign	4
1:	traps	9, 0
	handler	1f
	enter	1
	csrr	a0, mstatus
	.balign	4
1:	traps	2, 0x30002573

	# Delegated, there and back.
	li	t0, 0xb1ff # but not what supervisor mode asks
	csrw	medeleg, t0
	li	t0, 0x222
	csrw	mideleg, t0
	la	t0, supervisor
	csrw	stvec, t0
	handler	from_supervisor
	enter	0
	li	s1, 0
	ecall
	addi	s1, s1, 1
	expect	s1, 101
	.word	0xffffffff
	expect	s1, 201
	# An interrupt that it raises for itself, taken in user mode.
	li	a7, 1
	ecall
	expect	s1, 301
	li	a7, 2
	ecall # to machine mode, by way of supervisor mode
	j	fail
	.balign	4
supervisor:
	csrr	a0, scause
	bltz	a0, 2f
	csrr	a1, sepc
	addi	a1, a1, 4
	csrw	sepc, a1
	li	a2, 1
	beq	a7, a2, 1f
	li	a2, 2
	beq	a7, a2, 3f
	addi	s1, s1, 100
	sret
1:	csrwi	sie, 2
	csrwi	sip, 2
	sret
2:	csrwi	sip, 0
	addi	s1, s1, 100
	sret
3:	sfence.vma
	csrwi	sie, 0
	csrr	a0, sstatus
	ecall
	.balign	4
from_supervisor:
	traps	9, 0
	# Forbidden to supervisor mode: sret, wfi, satp.
	li	t0, 0x700000
	csrs	mstatus, t0
	csrw	medeleg, x0
	handler	1f
	enter	1
	sret
	.balign	4
1:	traps	2, 0x10200073
	handler	1f
	enter	1
	wfi
	.balign	4
1:	traps	2, 0x10500073
	handler	1f
	enter	1
	csrr	a0, satp
	.balign	4
1:	traps	2, 0x18002573
	handler	1f
	enter	1
	sfence.vma
	.balign	4
1:	traps	2, 0x12000073
	# wfi waits for what is enabled, and goes on.
	li	t0, 8
	csrw	mie, t0
	li	t2, DEVICE
	sd	t0, 0(t2)
	wfi
	sd	x0, 0(t2)
	j	pass
