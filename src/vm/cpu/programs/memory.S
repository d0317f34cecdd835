# SPDX-License-Identifier: Apache-2.0
# Loads and stores at any address, atomics, compressed instructions, code that is written.
	.include "check.inc"

.macro loaded instruction, offset, value
	\instruction a2, \offset(s0)
	expect	a2, \value
.endm

.macro stored instruction, offset, value, whole
	sd	x0, 64(s0)
	sd	x0, 72(s0)
	li	a2, \value
	\instruction a2, 64+\offset(s0)
	ld	a3, 64(s0)
	expect	a3, \whole
.endm

# amo: what was there, the operand, what is there afterwards.
.macro amo instruction, load, store, old, operand, new
	li	a0, \old
	\store	a0, 64(s0)
	addi	a4, s0, 64
	li	a1, \operand
	\instruction a2, a1, (a4)
	expect	a2, \old
	\load	a3, 64(s0)
	expect	a3, \new
.endm

main:
	la	s0, bytes
	loaded	lb, 0, -0x78
	loaded	lbu, 0, 0x88
	loaded	lh, 0, -0x6678
	loaded	lhu, 0, 0x9988
	loaded	lw, 0, -0x44556678
	loaded	lwu, 0, 0xbbaa9988
	loaded	ld, 0, 0xffeeddccbbaa9988
	loaded	lh, 1, -0x5567
	loaded	lw, 1, -0x33445567
	loaded	ld, 3, 0x221100ffeeddccbb
	loaded	lhu, 7, 0x00ff
	stored	sb, 0, -1, 0xff
	stored	sh, 0, -1, 0xffff
	stored	sw, 0, -1, 0xffffffff
	stored	sd, 0, -1, -1
	stored	sh, 1, 0x1234, 0x123400
	stored	sw, 3, 0x12345678, 0x12345678000000
	stored	sd, 7, 0x1122334455667788, 0x8800000000000000
	# Over the border of two pages.
	la	a0, border
	li	a1, 0x1122334455667788
	sd	a1, -3(a0)
	ld	a2, -3(a0)
	expect	a2, 0x1122334455667788
	lbu	a2, 0(a0)
	expect	a2, 0x55

	amo	amoswap.w, lw, sw, -5, 7, 7
	amo	amoadd.w, lw, sw, 0x7fffffff, 1, -0x80000000
	amo	amoxor.w, lw, sw, -1, 0x0f, -16
	amo	amoand.w, lw, sw, -1, 0x0f, 0x0f
	amo	amoor.w, lw, sw, 0x10, 0x0f, 0x1f
	amo	amomin.w, lw, sw, -1, 1, -1
	amo	amomax.w, lw, sw, -1, 1, 1
	amo	amominu.w, lw, sw, -1, 1, 1
	amo	amomaxu.w, lw, sw, -1, 1, -1
	amo	amoswap.d, ld, sd, -5, 7, 7
	amo	amoadd.d, ld, sd, 0x7fffffffffffffff, 1, 0x8000000000000000
	amo	amoxor.d, ld, sd, -1, 0x0f, -16
	amo	amoand.d, ld, sd, -1, 0x0f, 0x0f
	amo	amoor.d, ld, sd, 0x10, 0x0f, 0x1f
	amo	amomin.d, ld, sd, -1, 1, -1
	amo	amomax.d, ld, sd, -1, 1, 1
	amo	amominu.d, ld, sd, -1, 1, 1
	amo	amomaxu.d, ld, sd, -1, 1, -1

	addi	a4, s0, 64
	li	a0, -2
	sd	a0, 0(a4)
	lr.w	a1, (a4)
	expect	a1, -2
	li	a0, 9
	sc.w	a1, a0, (a4)
	expect	a1, 0
	lwu	a1, 0(a4)
	expect	a1, 9
	sc.w	a1, a0, (a4) # the first ended it
	expect	a1, 1
	lr.d	a1, (a4)
	addi	a5, a4, 8
	sc.d	a1, a0, (a5) # elsewhere
	expect	a1, 1
	lr.d	a1, (a4)
	sc.d	a1, a0, (a4)
	expect	a1, 0
	ld	a1, 0(a4)
	expect	a1, 9

	# Code that is written is what runs, also the very next instruction.
	li	s1, 0
	lw	a1, other
	la	a0, changed
again:
	sw	a1, 0(a0)
changed:
	li	a3, 1
	expect	a3, 7
	# By a loop that has run before.
	la	a0, in_loop
	lw	a1, other
	li	s2, 10
loop:	addi	s1, s1, 1
in_loop:
	li	a3, 1
	addi	s2, s2, -1
	bnez	s2, loop
	expect	a3, 1
	sw	a1, 0(a0)
	la	a2, last
	sw	a1, 0(a2)
	j	loop_again
loop_again:
last:	li	a3, 1
	expect	a3, 7
	la	a2, in_loop
	lw	a3, 0(a2)
	lw	a4, other
	sub	a3, a3, a4
	expect	a3, 0

	.option	rvc
	c.li	a0, -3
	c.mv	a1, a0
	c.add	a1, a0
	c.addi	a1, 1
	expect	a1, -5
	c.addiw	a1, 5
	expect	a1, 0
	c.lui	a1, 0xfffe0
	expect	a1, -0x20000
	c.li	a1, 6
	c.slli	a1, 4
	c.srli	a1, 1
	expect	a1, 48
	c.li	a1, -8
	c.srai	a1, 1
	expect	a1, -4
	c.andi	a1, 15
	expect	a1, 12
	c.li	a0, 10
	c.sub	a1, a0
	expect	a1, 2
	c.xor	a1, a0
	expect	a1, 8
	c.or	a1, a0
	expect	a1, 10
	c.li	a0, 3
	c.and	a1, a0
	expect	a1, 2
	c.subw	a1, a0
	expect	a1, -1
	c.addw	a1, a0
	expect	a1, 2
	mv	s2, sp
	c.addi16sp sp, -64
	sub	a1, s2, sp
	expect	a1, 64
	c.addi4spn a4, sp, 16
	sub	a1, a4, sp
	expect	a1, 16
	li	a0, -2
	c.sdsp	a0, 16(sp)
	c.ldsp	a1, 16(sp)
	expect	a1, -2
	c.swsp	a0, 24(sp)
	c.lwsp	a1, 24(sp)
	expect	a1, -2
	c.ld	a5, 0(a4)
	c.lw	a3, 8(a4)
	c.sd	a5, 16(a4)
	c.sw	a3, 24(a4)
	c.ldsp	a1, 32(sp)
	expect	a1, -2
	c.lwsp	a1, 40(sp)
	expect	a1, -2
	li	t0, 0x6000
	csrs	mstatus, t0
	c.fldsp	fa0, 16(sp)
	c.fsdsp	fa0, 48(sp)
	c.fld	fa1, 0(a4)
	c.fsd	fa1, 32(a4)
	c.ldsp	a1, 48(sp)
	expect	a1, -2
	c.nop
	c.li	a0, 0
	c.beqz	a0, 1f
	c.j	no
1:	c.bnez	a0, no
	la	a5, 2f
	c.jr	a5
no:	j	fail
2:	la	a5, 3f
	c.jalr	a5
	j	fail
3:	c.j	4f
	j	fail
4:	# One that lies in two pages.
	la	a0, last_halfword
	c.jr	a0

	.option	norvc
	.balign	4
other:
	li	a3, 7

	.balign	4096
	.space	4094
last_halfword:
	li	a1, 77
	expect	a1, 77
	j	pass

	.data
	.balign	16
bytes:
	.dword	0xffeeddccbbaa9988, 0x7766554433221100
	.space	112
	.balign	4096
border:
	.space	16
