/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uart.c - an NS16550A whose line is as fast as its program.
 *
 * That the transmitter is empty is an event, not a level: it becomes pending when a byte was sent
 * or the interrupt is enabled anew, and is gone once IIR named it.
 */
#include "uart.h"

#include <assert.h>
#include <stdlib.h>

/* Registers; the first two are the divisor's while LCR_DLAB is set. */
enum { DATA, IER, IIR_FCR, LCR, MCR, LSR, MSR, SCR, REGISTERS };

enum {
	IER_RECEIVED = 1,
	IER_EMPTY = 2,
	IER_LINE = 4,
	IER_MODEM = 8,
	IER_ALL = 15,

	IIR_NONE = 1,
	IIR_MODEM = 0,
	IIR_EMPTY = 2,
	IIR_RECEIVED = 4,
	IIR_LINE = 6,
	IIR_TIMEOUT = 12,
	IIR_FIFOS = 0xc0,

	FCR_ENABLE = 1,
	FCR_CLEAR_RECEIVER = 2,
	FCR_TRIGGER_SHIFT = 6,
	FCR_KEPT = FCR_ENABLE | 3 << FCR_TRIGGER_SHIFT,

	LCR_DLAB = 0x80,

	MCR_DTR = 1,
	MCR_RTS = 2,
	MCR_OUT1 = 4,
	MCR_OUT2 = 8,
	MCR_LOOP = 16,
	MCR_ALL = 31,

	LSR_READY = 1,
	LSR_OVERRUN = 2,
	LSR_EMPTY = 0x60, /* holding register and transmitter */

	MSR_CTS = 0x10,
	MSR_DSR = 0x20,
	MSR_RI = 0x40,
	MSR_DCD = 0x80,
	MSR_LINES = 0xf0, /* the low half: which of them changed */
	MSR_RI_ENDED = 4, /* RI counts only when it falls */
};

struct vm_uart {
	struct vm_uart_setup setup;
	uint8_t ier, lcr, mcr, scr;
	uint8_t fcr; /* FCR_ENABLE and the trigger */
	uint8_t divisor[2];
	uint8_t modem; /* MSR */
	bool overrun;
	bool empty_pending;
	uint8_t count;
	uint8_t fifo[VM_UART_FIFO_BYTES]; /* the oldest first; 0 behind count */
};

/* ---- Interrupts ------------------------------------------------------------------------------ */

static uint8_t trigger(const struct vm_uart *uart)
{
	static const uint8_t levels[] = {1, 4, 8, 14};

	return uart->fcr & FCR_ENABLE ? levels[uart->fcr >> FCR_TRIGGER_SHIFT] : 1;
}

/* The most urgent that is pending and enabled. */
static uint8_t identify(const struct vm_uart *uart)
{
	if (uart->ier & IER_LINE && uart->overrun)
		return IIR_LINE;
	if (uart->ier & IER_RECEIVED && uart->count >= trigger(uart))
		return IIR_RECEIVED;
	if (uart->ier & IER_RECEIVED && uart->count > 0)
		return IIR_TIMEOUT;
	if (uart->ier & IER_EMPTY && uart->empty_pending)
		return IIR_EMPTY;
	if (uart->ier & IER_MODEM && uart->modem & ~MSR_LINES)
		return IIR_MODEM;
	return IIR_NONE;
}

static void update(struct vm_uart *uart)
{
	vm_wire_set(&uart->setup.wire, identify(uart) != IIR_NONE);
}

/* ---- Bytes ----------------------------------------------------------------------------------- */

static uint8_t fifo_bytes(const struct vm_uart *uart)
{
	return uart->fcr & FCR_ENABLE ? VM_UART_FIFO_BYTES : 1;
}

static void put(struct vm_uart *uart, uint8_t byte)
{
	if (uart->count < fifo_bytes(uart))
		uart->fifo[uart->count++] = byte;
	else
		uart->overrun = true;
	assert(uart->count > 0 && uart->count <= fifo_bytes(uart));
}

static uint8_t take(struct vm_uart *uart)
{
	uint8_t byte = uart->fifo[0];

	if (uart->count == 0)
		return 0;
	uart->count--;
	memmove(uart->fifo, uart->fifo + 1, uart->count);
	uart->fifo[uart->count] = 0;
	return byte;
}

static void clear(struct vm_uart *uart)
{
	memset(uart->fifo, 0, sizeof(uart->fifo));
	uart->count = 0;
}

static void transmit(struct vm_uart *uart, uint8_t byte)
{
	uart->empty_pending = true;
	if (uart->mcr & MCR_LOOP)
		put(uart, byte);
	else if (uart->setup.send)
		uart->setup.send(uart->setup.context, byte);
}

size_t vm_uart_room(const struct vm_uart *uart)
{
	assert(uart->count <= fifo_bytes(uart));
	if (uart->mcr & MCR_LOOP)
		return 0;
	return (size_t)(fifo_bytes(uart) - uart->count);
}

void vm_uart_receive(struct vm_uart *uart, uint8_t byte)
{
	if (uart->mcr & MCR_LOOP)
		return;
	put(uart, byte);
	update(uart);
}

/* ---- Registers ------------------------------------------------------------------------------- */

static void set_fifos(struct vm_uart *uart, uint8_t value)
{
	if ((value ^ uart->fcr) & FCR_ENABLE || value & FCR_CLEAR_RECEIVER)
		clear(uart);
	uart->fcr = value & FCR_ENABLE ? value & FCR_KEPT : 0;
}

/* The modem's lines: somebody listens; in loop-back, our own. */
static uint8_t modem_lines(const struct vm_uart *uart)
{
	uint8_t lines = 0;

	if (!(uart->mcr & MCR_LOOP))
		return MSR_CTS | MSR_DSR | MSR_DCD;
	lines |= uart->mcr & MCR_RTS ? MSR_CTS : 0;
	lines |= uart->mcr & MCR_DTR ? MSR_DSR : 0;
	lines |= uart->mcr & MCR_OUT1 ? MSR_RI : 0;
	lines |= uart->mcr & MCR_OUT2 ? MSR_DCD : 0;
	return lines;
}

static void set_modem(struct vm_uart *uart, uint8_t value)
{
	uint8_t before = uart->modem & MSR_LINES, now, changed;

	uart->mcr = value & MCR_ALL;
	now = modem_lines(uart);
	changed = (before ^ now) >> 4;
	if (now & MSR_RI)
		changed &= (uint8_t)~MSR_RI_ENDED;
	uart->modem = (uint8_t)(now | changed | (uart->modem & ~MSR_LINES));
}

static uint8_t read_iir(struct vm_uart *uart)
{
	uint8_t what = identify(uart);

	if (what == IIR_EMPTY)
		uart->empty_pending = false;
	return what | (uart->fcr & FCR_ENABLE ? IIR_FIFOS : 0);
}

static uint8_t read_lsr(struct vm_uart *uart)
{
	uint8_t value = LSR_EMPTY | (uart->count ? LSR_READY : 0);

	if (uart->overrun)
		value |= LSR_OVERRUN;
	uart->overrun = false;
	return value;
}

static uint8_t read_msr(struct vm_uart *uart)
{
	uint8_t value = uart->modem;

	uart->modem &= MSR_LINES;
	return value;
}

static uint8_t read_one(struct vm_uart *uart, uint64_t offset)
{
	bool divisor = uart->lcr & LCR_DLAB;

	switch (offset) {
	case DATA:
		return divisor ? uart->divisor[0] : take(uart);
	case IER:
		return divisor ? uart->divisor[1] : uart->ier;
	case IIR_FCR:
		return read_iir(uart);
	case LCR:
		return uart->lcr;
	case MCR:
		return uart->mcr;
	case LSR:
		return read_lsr(uart);
	case MSR:
		return read_msr(uart);
	default:
		return uart->scr;
	}
}

static int read_register(void *device, uint64_t offset, unsigned size, uint64_t *value)
{
	struct vm_uart *uart = device;

	if (size != 1 || offset >= REGISTERS)
		return GW_E_INVALID;
	*value = read_one(uart, offset);
	update(uart);
	return 0;
}

static void write_ier(struct vm_uart *uart, uint8_t value)
{
	if (value & ~uart->ier & IER_EMPTY)
		uart->empty_pending = true;
	uart->ier = value & IER_ALL;
}

static int write_register(void *device, uint64_t offset, unsigned size, uint64_t written)
{
	struct vm_uart *uart = device;
	uint8_t value = (uint8_t)written;

	if (size != 1 || offset >= REGISTERS)
		return GW_E_INVALID;
	switch (offset) {
	case DATA:
		if (uart->lcr & LCR_DLAB)
			uart->divisor[0] = value;
		else
			transmit(uart, value);
		break;
	case IER:
		if (uart->lcr & LCR_DLAB)
			uart->divisor[1] = value;
		else
			write_ier(uart, value);
		break;
	case IIR_FCR:
		set_fifos(uart, value);
		break;
	case LCR:
		uart->lcr = value;
		break;
	case MCR:
		set_modem(uart, value);
		break;
	case SCR:
		uart->scr = value;
		break;
	default: /* the states of line and modem are read */
		break;
	}
	update(uart);
	return 0;
}

/* ---- Life ------------------------------------------------------------------------------------ */

static void reset(void *device)
{
	struct vm_uart *uart = device;

	*uart = (struct vm_uart){.setup = uart->setup};
	uart->modem = modem_lines(uart);
	update(uart);
}

static void walk_fields(void *device, struct vm_fields *fields)
{
	struct vm_uart *uart = device;

	vm_field_u8(fields, &uart->ier);
	vm_field_u8(fields, &uart->lcr);
	vm_field_u8(fields, &uart->mcr);
	vm_field_u8(fields, &uart->scr);
	vm_field_u8(fields, &uart->fcr);
	vm_field_bytes(fields, uart->divisor, sizeof(uart->divisor));
	vm_field_u8(fields, &uart->modem);
	vm_field_bool(fields, &uart->overrun);
	vm_field_bool(fields, &uart->empty_pending);
	vm_field_u8(fields, &uart->count);
	vm_field_bytes(fields, uart->fifo, sizeof(uart->fifo));
	vm_fields_check(fields, uart->ier <= IER_ALL && uart->mcr <= MCR_ALL &&
				!(uart->fcr & ~FCR_KEPT) && uart->count <= fifo_bytes(uart));
}

static const struct vm_device_kind kind = {
	.number = VM_DEVICE_UART,
	.size = VM_UART_BYTES,
	.read = read_register,
	.write = write_register,
	.reset = reset,
	.fields = walk_fields,
};

int vm_uart_new(struct vm_uart **out, const struct vm_uart_setup *setup, struct gw_error *error)
{
	struct vm_uart *uart = calloc(1, sizeof(*uart));

	if (!uart)
		return gw_fail(error, GW_E_NO_MEMORY, "a console: out of memory");
	uart->setup = *setup;
	reset(uart);
	*out = uart;
	return 0;
}

void vm_uart_free(struct vm_uart *uart)
{
	free(uart);
}

struct vm_device vm_uart_device(struct vm_uart *uart)
{
	return (struct vm_device){&kind, uart};
}
