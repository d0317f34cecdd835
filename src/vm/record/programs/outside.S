# SPDX-License-Identifier: Apache-2.0
# outside.S - a guest in machine mode that takes in all that can come from outside, as often as it comes, and stirs it
# into one register and a mebibyte of memory: time and counters, floating point, the console, entropy, the disk
# (read and written), frames, timers, waiting. It says each byte it reads; 'q' switches the machine off, 'r'
# starts it again.

	.option norelax
	.equ	POWER, 0x100000
	.equ	TIMER, 0x2004000	# mtimecmp
	.equ	CLOCK, 0x200bff8	# mtime
	.equ	CONSOLE, 0x10000000
	.equ	ENTROPY, 0x10001000
	.equ	BLOCK, 0x10002000
	.equ	NETWORK, 0x10003000
	.equ	MEMORY, 0x80100000
	.equ	QUEUES, 0x80080000	# a page each: descriptors, +0x100 available, +0x200 used, +0x400 data
	.equ	MASK, 0xffff8

	.macro	stir	register
	xor	s0, s0, \register
	mul	s0, s0, s11
	srli	t6, s0, 32
	xor	s0, s0, t6
	.endm

# A device at \base gets one queue, in page \page.
	.macro	start_device	base, page
	li	a0, \base
	li	a1, QUEUES + \page * 0x1000
	call	start_queue
	.endm

# Offers the chain that begins with descriptor 0 of the queue at a1 to the device at a0.
	.macro	offer
	lhu	t0, 0x102(a1)
	addi	t0, t0, 1
	sh	t0, 0x102(a1)
	sw	zero, 0x50(a0)
	.endm

	.globl	_start
_start:
	li	s11, 0x9e3779b97f4a7c15
	li	s0, 1
	li	s1, 0
	li	t0, 0x6000		# FS
	csrs	mstatus, t0
	li	t0, 1
	fcvt.d.l fa0, t0
	li	t0, 3
	fcvt.d.l fa1, t0
	li	t0, 0x80		# MTIE
	csrw	mie, t0
	start_device ENTROPY, 0
	call	ask_entropy
	start_device BLOCK, 1
	call	ask_block
	start_device NETWORK, 2
	call	ask_frame

loop:
	addi	s1, s1, 1
	rdtime	t1
	stir	t1
	rdcycle	t1
	stir	t1
	rdinstret t1
	stir	t1
	fdiv.d	fa2, fa0, fa1
	fadd.d	fa0, fa0, fa2
	fmv.x.d	t1, fa0
	stir	t1
	andi	t1, s1, 255
	bnez	t1, 1f
	li	t1, 1
	fcvt.d.l fa0, t1
1:
	li	t1, MASK
	and	t1, t1, s0
	li	t2, MEMORY
	add	t1, t1, t2
	ld	t2, 0(t1)
	stir	t2
	sd	s0, 0(t1)

	li	a0, CONSOLE
	lbu	t1, 5(a0)
	andi	t1, t1, 1
	beqz	t1, 2f
	lbu	t1, 0(a0)
	sb	t1, 0(a0)
	stir	t1
	li	t2, 'q'
	beq	t1, t2, off
	li	t2, 'r'
	beq	t1, t2, again
2:
	li	a0, ENTROPY
	li	a1, QUEUES
	call	look
	beqz	a2, 3f
	call	ask_entropy
3:
	li	a0, BLOCK
	li	a1, QUEUES + 0x1000
	call	look
	beqz	a2, 4f
	call	ask_block
4:
	li	a0, NETWORK
	li	a1, QUEUES + 0x2000
	call	look
	beqz	a2, 5f
	call	ask_frame
5:
	andi	t1, s1, 63
	bnez	t1, loop
	li	t1, CLOCK		# sleeps for 50 ticks, or until something wakes it
	ld	t2, 0(t1)
	addi	t2, t2, 50
	li	t1, TIMER
	sd	t2, 0(t1)
	wfi
	j	loop

off:
	li	t0, POWER
	li	t1, 0x5555
	sw	t1, 0(t0)
	j	off
again:
	li	t0, POWER
	li	t1, 0x7777
	sw	t1, 0(t0)
	j	again

start_queue:
	sw	zero, 0x70(a0)
	li	t0, 3
	sw	t0, 0x70(a0)
	li	t0, 1
	sw	zero, 0x24(a0)
	sw	zero, 0x20(a0)
	sw	t0, 0x24(a0)
	sw	t0, 0x20(a0)		# version 1
	li	t0, 11
	sw	t0, 0x70(a0)
	sw	zero, 0x30(a0)
	li	t0, 8
	sw	t0, 0x38(a0)
	sw	a1, 0x80(a0)
	sw	zero, 0x84(a0)
	addi	t0, a1, 0x100
	sw	t0, 0x90(a0)
	sw	zero, 0x94(a0)
	addi	t0, a1, 0x200
	sw	t0, 0xa0(a0)
	sw	zero, 0xa4(a0)
	li	t0, 1
	sw	t0, 0x44(a0)
	li	t0, 15
	sw	t0, 0x70(a0)
	ret

# Whether the device at a0 used what it was offered; stirs the data in.
look:
	li	a2, 0
	lhu	t0, 0x202(a1)
	lhu	t1, 0x102(a1)
	bne	t0, t1, 2f
	li	a2, 1
	lwu	t1, 0x60(a0)
	sw	t1, 0x64(a0)
	addi	t2, a1, 0x400
	addi	t3, t2, 0x200
1:
	ld	t1, 0(t2)
	stir	t1
	addi	t2, t2, 8
	bltu	t2, t3, 1b
2:
	ret

ask_entropy:
	li	a0, ENTROPY
	li	a1, QUEUES
	addi	t0, a1, 0x400
	sd	t0, 0(a1)
	li	t0, 64
	sw	t0, 8(a1)
	li	t0, 2			# for the device to write
	sw	t0, 12(a1)
	offer
	ret

ask_frame:
	li	a0, NETWORK
	li	a1, QUEUES + 0x2000
	addi	t0, a1, 0x400
	sd	t0, 0(a1)
	li	t0, 2048
	sw	t0, 8(a1)
	li	t0, 2
	sw	t0, 12(a1)
	offer
	ret

# Reads and writes in turn 512 bytes, at one of 64 sectors.
ask_block:
	li	a0, BLOCK
	li	a1, QUEUES + 0x1000
	andi	t0, s1, 1
	sw	t0, 0x300(a1)
	sw	zero, 0x304(a1)
	srli	t1, s0, 40
	andi	t1, t1, 63
	sd	t1, 0x308(a1)
	addi	t1, a1, 0x300
	sd	t1, 0(a1)
	li	t1, 16
	sw	t1, 8(a1)
	li	t1, 0x10001		# next is 1
	sw	t1, 12(a1)
	addi	t1, a1, 0x400
	sd	t1, 16(a1)
	li	t1, 512
	sw	t1, 24(a1)
	li	t1, 0x20001
	bnez	t0, 1f
	li	t1, 0x20003
1:
	sw	t1, 28(a1)
	addi	t1, a1, 0x380
	sd	t1, 32(a1)
	li	t1, 1
	sw	t1, 40(a1)
	li	t1, 2
	sw	t1, 44(a1)
	offer
	ret
