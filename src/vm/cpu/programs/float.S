# SPDX-License-Identifier: Apache-2.0
# F and D: each instruction, each rounding mode, each flag, boxes.
	.include "check.inc"

# Bits of doubles.
	.set	ONE, 0x3ff0000000000000
	.set	TWO, 0x4000000000000000
	.set	THREE, 0x4008000000000000
	.set	SIX, 0x4018000000000000
	.set	MINUS, 0x8000000000000000
	.set	INFINITY, 0x7ff0000000000000
	.set	QUIET, 0x7ff8000000000000
	.set	LOUD, 0x7ff4000000000000
# Of singles.
	.set	ONE_S, 0x3f800000
	.set	TWO_S, 0x40000000
	.set	THREE_S, 0x40400000
	.set	SIX_S, 0x40c00000
	.set	QUIET_S, 0x7fc00000
	.set	LOUD_S, 0x7fa00000

# fa0 and fa1 (and fa2: three) hold doubles; an instruction; the result's bits and the flags.
.macro d2 instruction, one, two, result, flags, mode:vararg
	csrw	fflags, x0
	li	a0, \one
	li	a1, \two
	fmv.d.x	fa0, a0
	fmv.d.x	fa1, a1
	\instruction fa3, fa0, fa1 \mode
	fmv.x.d	a2, fa3
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

.macro s2 instruction, one, two, result, flags, mode:vararg
	csrw	fflags, x0
	li	a0, \one
	li	a1, \two
	fmv.w.x	fa0, a0
	fmv.w.x	fa1, a1
	\instruction fa3, fa0, fa1 \mode
	fmv.x.d	a2, fa3
	expect	a2, 0xffffffff00000000 | \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

# To x.
.macro dx instruction, one, two, result, flags
	csrw	fflags, x0
	li	a0, \one
	li	a1, \two
	fmv.d.x	fa0, a0
	fmv.d.x	fa1, a1
	\instruction a2, fa0, fa1
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

.macro sx instruction, one, two, result, flags
	csrw	fflags, x0
	li	a0, \one
	li	a1, \two
	fmv.w.x	fa0, a0
	fmv.w.x	fa1, a1
	\instruction a2, fa0, fa1
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

# One operand, f to x or f.
.macro d_to_x instruction, one, result, flags, mode:vararg
	csrw	fflags, x0
	li	a0, \one
	fmv.d.x	fa0, a0
	\instruction a2, fa0 \mode
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

.macro s_to_x instruction, one, result, flags, mode:vararg
	csrw	fflags, x0
	li	a0, \one
	fmv.w.x	fa0, a0
	\instruction a2, fa0 \mode
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

.macro x_to_f instruction, one, result, flags, mode:vararg
	csrw	fflags, x0
	li	a0, \one
	\instruction fa0, a0 \mode
	fmv.x.d	a2, fa0
	expect	a2, \result
	csrr	a2, fflags
	expect	a2, \flags
.endm

.macro fused instruction, result
	fmv.d.x	fa0, s2
	fmv.d.x	fa1, s3
	fmv.d.x	fa2, s4
	\instruction fa3, fa0, fa1, fa2
	fmv.x.d	a2, fa3
	expect	a2, \result
.endm

.macro fused_s instruction, result
	fmv.w.x	fa0, s2
	fmv.w.x	fa1, s3
	fmv.w.x	fa2, s4
	\instruction fa3, fa0, fa1, fa2
	fmv.x.w	a2, fa3
	expect	a2, \result
.endm

main:
	# Off: every one is illegal.
	la	t0, off
	csrw	mtvec, t0
	fadd.d	fa0, fa0, fa0
	j	fail
	.balign	4
off:
	csrr	a0, mcause
	expect	a0, 2
	csrr	a0, mtval
	lw	a1, faddd
	expect	x0, 0
	beq	a0, a1, 1f
	j	fail
faddd:
	fadd.d	fa0, fa0, fa0
1:	la	t0, unexpected
	csrw	mtvec, t0
	li	t0, 0x2000
	csrs	mstatus, t0 # initial
	fmv.x.w	a0, fa0
	csrr	a0, mstatus
	bltz	a0, fail # reading does not make it dirty
	fmv.w.x	fa0, x0
	csrr	a0, mstatus
	bgez	a0, fail

	d2	fadd.d, ONE, TWO, THREE, 0
	d2	fsub.d, THREE, TWO, ONE, 0
	d2	fmul.d, THREE, TWO, SIX, 0
	d2	fdiv.d, SIX, TWO, THREE, 0
	d2	fdiv.d, ONE, 0, INFINITY, 8
	d2	fdiv.d, 0, 0, QUIET, 16
	d2	fadd.d, INFINITY, MINUS|INFINITY, QUIET, 16
	d2	fadd.d, LOUD, ONE, QUIET, 16
	d2	fadd.d, QUIET, ONE, QUIET, 0
	d2	fmul.d, 0x7fe0000000000000, SIX, INFINITY, 5
	d2	fmul.d, 0x0010000000000000, 0x3fd5555555555555, 0x0005555555555555, 3
	s2	fadd.s, ONE_S, TWO_S, THREE_S, 0
	s2	fsub.s, THREE_S, TWO_S, ONE_S, 0
	s2	fmul.s, THREE_S, TWO_S, SIX_S, 0
	s2	fdiv.s, SIX_S, TWO_S, THREE_S, 0
	s2	fadd.s, LOUD_S, ONE_S, QUIET_S, 16

	# 1/3 in every mode, by both ways: inexact raised before, and not.
	d2	fdiv.d, ONE, THREE, 0x3fd5555555555555, 1, ,rne
	d2	fdiv.d, ONE, THREE, 0x3fd5555555555555, 1, ,rtz
	d2	fdiv.d, ONE, THREE, 0x3fd5555555555555, 1, ,rdn
	d2	fdiv.d, ONE, THREE, 0x3fd5555555555556, 1, ,rup
	d2	fdiv.d, ONE, THREE, 0x3fd5555555555555, 1, ,rmm
	d2	fadd.d, ONE, 0x3ca0000000000000, ONE, 1, ,rne
	d2	fadd.d, ONE, 0x3ca0000000000000, 0x3ff0000000000001, 1, ,rmm
	.set	mode, 0
	.rept	5
	li	a0, mode
	csrw	frm, a0
	li	a0, ONE
	li	a1, MINUS|THREE
	fmv.d.x	fa0, a0
	fmv.d.x	fa1, a1
	fdiv.d	fa3, fa0, fa1
	fmv.x.d	a2, fa3
	.if	mode == 2
	expect	a2, 0xbfd5555555555556
	.else
	expect	a2, 0xbfd5555555555555
	.endif
	.set	mode, mode + 1
	.endr
	csrw	frm, x0
	fdiv.d	fa3, fa0, fa1
	fmv.x.d	a2, fa3
	expect	a2, 0xbfd5555555555555

	li	a0, 0x4022000000000000
	fmv.d.x	fa0, a0
	fsqrt.d	fa1, fa0
	fmv.x.d	a2, fa1
	expect	a2, THREE
	li	a0, 0x41100000
	fmv.w.x	fa0, a0
	fsqrt.s	fa1, fa0
	fmv.x.w	a2, fa1
	expect	a2, THREE_S

	li	s2, TWO
	li	s3, THREE
	li	s4, ONE
	fused	fmadd.d, 0x401c000000000000
	fused	fmsub.d, 0x4014000000000000
	fused	fnmsub.d, 0xc014000000000000
	fused	fnmadd.d, 0xc01c000000000000
	li	s2, TWO_S
	li	s3, THREE_S
	li	s4, ONE_S
	fused_s	fmadd.s, 0x40e00000
	fused_s	fmsub.s, 0x40a00000
	fused_s	fnmsub.s, -0x3f600000
	fused_s	fnmadd.s, -0x3f200000

	d2	fsgnj.d, ONE, MINUS|TWO, MINUS|ONE, 0
	d2	fsgnjn.d, ONE, MINUS|TWO, ONE, 0
	d2	fsgnjx.d, MINUS|ONE, MINUS|TWO, ONE, 0
	s2	fsgnj.s, ONE_S, 0xc0000000, 0xbf800000, 0
	s2	fsgnjn.s, ONE_S, TWO_S, 0xbf800000, 0
	s2	fsgnjx.s, ONE_S, 0xc0000000, 0xbf800000, 0
	d2	fmin.d, 0, MINUS, MINUS, 0
	d2	fmax.d, 0, MINUS, 0, 0
	d2	fmin.d, LOUD, ONE, ONE, 16
	d2	fmax.d, QUIET, QUIET, QUIET, 0
	s2	fmin.s, ONE_S, TWO_S, ONE_S, 0
	s2	fmax.s, ONE_S, TWO_S, TWO_S, 0
	dx	feq.d, ONE, ONE, 1, 0
	dx	feq.d, QUIET, ONE, 0, 0
	dx	feq.d, LOUD, ONE, 0, 16
	dx	flt.d, MINUS|ONE, ONE, 1, 0
	dx	flt.d, QUIET, ONE, 0, 16
	dx	fle.d, ONE, ONE, 1, 0
	dx	fle.d, TWO, ONE, 0, 0
	sx	feq.s, ONE_S, ONE_S, 1, 0
	sx	flt.s, ONE_S, TWO_S, 1, 0
	sx	fle.s, TWO_S, ONE_S, 0, 0

	d_to_x	fclass.d, MINUS|INFINITY, 1, 0
	d_to_x	fclass.d, MINUS|ONE, 2, 0
	d_to_x	fclass.d, MINUS|1, 4, 0
	d_to_x	fclass.d, MINUS, 8, 0
	d_to_x	fclass.d, 0, 16, 0
	d_to_x	fclass.d, 1, 32, 0
	d_to_x	fclass.d, ONE, 64, 0
	d_to_x	fclass.d, INFINITY, 128, 0
	d_to_x	fclass.d, LOUD, 256, 0
	d_to_x	fclass.d, QUIET, 512, 0
	s_to_x	fclass.s, ONE_S, 64, 0

	d_to_x	fcvt.w.d, 0xc004000000000000, -3, 1, ,rdn # -2.5
	d_to_x	fcvt.w.d, 0xc004000000000000, -2, 1, ,rne
	d_to_x	fcvt.w.d, 0xc004000000000000, -2, 1, ,rtz
	d_to_x	fcvt.w.d, 0xc004000000000000, -2, 1, ,rup
	d_to_x	fcvt.w.d, 0xc004000000000000, -3, 1, ,rmm
	d_to_x	fcvt.wu.d, MINUS|ONE, 0, 16
	d_to_x	fcvt.wu.d, 0x41efffffffe00000, -1, 0
	d_to_x	fcvt.l.d, INFINITY, 0x7fffffffffffffff, 16
	d_to_x	fcvt.lu.d, 0x43e0000000000000, 0x8000000000000000, 0
	s_to_x	fcvt.w.s, QUIET_S, 0x7fffffff, 16
	s_to_x	fcvt.wu.s, THREE_S, 3, 0
	s_to_x	fcvt.l.s, 0xc0400000, -3, 0
	s_to_x	fcvt.lu.s, 0xbf800000, 0, 16
	x_to_f	fcvt.d.w, -1, MINUS|ONE, 0
	x_to_f	fcvt.d.wu, 0xffffffff, 0x41efffffffe00000, 0
	x_to_f	fcvt.d.l, 0x20000000000001, 0x4340000000000000, 1
	x_to_f	fcvt.d.lu, -1, 0x43f0000000000000, 1
	x_to_f	fcvt.s.w, -3, 0xffffffffc0400000, 0
	x_to_f	fcvt.s.wu, 3, 0xffffffff00000000|THREE_S, 0
	x_to_f	fcvt.s.l, 0x1000001, 0xffffffff4b800000, 1
	x_to_f	fcvt.s.lu, -1, 0xffffffff5f800000, 1

	li	a0, THREE
	fmv.d.x	fa0, a0
	fcvt.s.d fa1, fa0
	fmv.x.d	a2, fa1
	expect	a2, 0xffffffff00000000|THREE_S
	fcvt.d.s fa2, fa1
	fmv.x.d	a2, fa2
	expect	a2, THREE
	# A double is no single.
	fadd.s	fa1, fa0, fa0
	fmv.x.d	a2, fa1
	expect	a2, 0xffffffff00000000|QUIET_S

	la	s0, place
	fsd	fa0, 0(s0)
	fld	fa1, 0(s0)
	fmv.x.d	a2, fa1
	expect	a2, THREE
	fsw	fa0, 1(s0)
	flw	fa1, 1(s0)
	fmv.x.d	a2, fa1
	expect	a2, 0xffffffff00000000

	# A mode that does not exist, in frm.
	la	t0, bad_mode
	csrw	mtvec, t0
	csrwi	frm, 5
	fadd.d	fa0, fa0, fa0
	j	fail
	.balign	4
bad_mode:
	csrr	a0, mcause
	expect	a0, 2
	csrr	a0, fcsr
	srli	a0, a0, 5
	expect	a0, 5
	j	pass

	.data
	.balign	16
place:
	.dword	0, 0
