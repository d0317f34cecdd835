# SPDX-License-Identifier: Apache-2.0
# Whole numbers: I and M, jumps and branches.
	.include "check.inc"

.macro taken instruction, one, two
	addi	gp, gp, 1
	li	a0, \one
	li	a1, \two
	\instruction a0, a1, .Ltaken\@
	j	fail
.Ltaken\@:
.endm

.macro not_taken instruction, one, two
	addi	gp, gp, 1
	li	a0, \one
	li	a1, \two
	\instruction a0, a1, .Lbad\@
	j	.Lgood\@
.Lbad\@:
	j	fail
.Lgood\@:
.endm

main:
	rr	add, -1, 1, 0
	rr	sub, 0, 1, -1
	rr	sll, 1, 127, 0x8000000000000000
	rr	slt, -1, 0, 1
	rr	slt, 0, -1, 0
	rr	sltu, -1, 0, 0
	rr	sltu, 0, -1, 1
	rr	xor, 0x0ff0, 0x00ff, 0x0f0f
	rr	srl, -1, 60, 15
	rr	sra, 0x8000000000000000, 63, -1
	rr	or, 0x0f00, 0x00f0, 0x0ff0
	rr	and, 0x0ff0, 0x00ff, 0x00f0
	ri	addi, 5, -7, -2
	ri	slti, -5, -4, 1
	ri	sltiu, 5, -1, 1
	ri	xori, 0x55, -1, ~0x55
	ri	ori, 0x500, 0x0aa, 0x5aa
	ri	andi, 0x5aa, 0x0ff, 0x0aa
	ri	slli, 3, 62, 0xc000000000000000
	ri	srli, -1, 63, 1
	ri	srai, -16, 2, -4
	rr	addw, 0x7fffffff, 1, -0x80000000
	rr	subw, -0x80000000, 1, 0x7fffffff
	rr	sllw, 1, 31, -0x80000000
	rr	srlw, -1, 28, 15
	rr	sraw, 0x80000000, 31, -1
	ri	addiw, 0xffffffff, 1, 0
	ri	slliw, 3, 31, -0x80000000
	ri	srliw, -1, 31, 1
	ri	sraiw, 0xf0000000, 28, -1
	lui	a2, 0x80000
	expect	a2, -0x80000000
	auipc	a2, 0
	la	a3, here
	sub	a2, a3, a2
here:
	expect	a2, 16
	rr	mul, -3, 7, -21
	rr	mulh, -1, -1, 0
	rr	mulh, 0x8000000000000000, 2, -1
	rr	mulhsu, -1, -1, -1
	rr	mulhu, -1, -1, -2
	rr	div, -7, 2, -3
	rr	div, 7, 0, -1
	rr	div, 0x8000000000000000, -1, 0x8000000000000000
	rr	divu, -1, 2, 0x7fffffffffffffff
	rr	divu, 7, 0, -1
	rr	rem, -7, 2, -1
	rr	rem, 7, 0, 7
	rr	rem, 0x8000000000000000, -1, 0
	rr	remu, -1, 16, 15
	rr	remu, 7, 0, 7
	rr	mulw, 0x10000, 0x18000, -0x80000000
	rr	divw, -0x80000000, -1, -0x80000000
	rr	divw, 9, 0, -1
	rr	divuw, -1, 16, 0x0fffffff
	rr	divuw, 9, 0, -1
	rr	remw, -9, 4, -1
	rr	remw, -0x80000000, -1, 0
	rr	remuw, -1, 0, -1
	rr	remuw, -1, 16, 15

	taken	beq, 3, 3
	not_taken beq, 3, 4
	taken	bne, 3, 4
	not_taken bne, 3, 3
	taken	blt, -1, 0
	not_taken blt, 0, -1
	taken	bge, 0, 0
	not_taken bge, -1, 0
	taken	bltu, 0, -1
	not_taken bltu, -1, 0
	taken	bgeu, -1, 0
	not_taken bgeu, 0, -1

	# x0 stays 0, whoever writes it.
	addi	x0, gp, 1
	li	a0, 3
	mul	x0, a0, a0
	jal	x0, 1f
1:	expect	x0, 0

	jal	a2, 1f
	j	fail
1:	la	a3, 1b
	sub	a2, a3, a2
	expect	a2, 4
	la	a0, 1f + 1 # the lowest bit does not count
	jalr	a0, 0(a0)
	j	fail
1:	la	a3, 1b
	sub	a2, a3, a0
	expect	a2, 4

	# A loop that is left in the middle of a block, many times.
	li	a0, 0
	li	a1, 1000
2:	addi	a0, a0, 1
	andi	a2, a0, 1
	beqz	a2, 3f
	addi	a0, a0, 2
3:	blt	a0, a1, 2b
	expect	a0, 1000
	fence
	fence.i
	j	pass
