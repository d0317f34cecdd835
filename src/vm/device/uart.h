/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uart.h - the console: an NS16550A with registers of one byte, one behind the other.
 *
 * What is sent is sent at once, so the transmitter is always empty. There is no line, so there is
 * no speed, parity or break; the modem's lines say that somebody listens (CTS, DSR, DCD). Received
 * bytes wait in the FIFO of 16 (of 1 while FIFOs are off); one too many is lost and reported as an
 * overrun. Bytes fewer than the trigger level are announced as after a time-out, at once. In
 * loop-back, what is sent is received, what comes from outside is lost.
 */
#ifndef VM_DEVICE_UART_H
#define VM_DEVICE_UART_H

#include "device.h"

enum { VM_UART_BYTES = 0x100, VM_UART_FIFO_BYTES = 16 };

struct vm_uart_setup {
	struct vm_wire wire;
	void (*send)(void *context, uint8_t byte); /* the guest sent a byte */
	void *context;
};

struct vm_uart;

int vm_uart_new(struct vm_uart **uart, const struct vm_uart_setup *setup, struct gw_error *error)
	GW_MUST_CHECK;
void vm_uart_free(struct vm_uart *uart);
struct vm_device vm_uart_device(struct vm_uart *uart);

/* How many bytes can be received now without loss. */
size_t vm_uart_room(const struct vm_uart *uart);
/* A byte comes in from outside. */
void vm_uart_receive(struct vm_uart *uart, uint8_t byte);

#endif
