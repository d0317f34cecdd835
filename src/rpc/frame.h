/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h - the wire format. A connection carries frames, both ways, each a header of
 * RPC_HEADER_BYTES and what the header announces:
 *
 *     header | once block, if RPC_FLAG_ONCE | payload
 *
 * Header, little-endian:
 *      0  2  0x5747, "GW"
 *      2  1  version: RPC_VERSION; another one is refused by name
 *      3  1  kind: enum rpc_kind
 *      4  2  flags: enum rpc_flag; unknown ones are refused
 *      6  2  zero
 *      8  4  bytes of payload behind the once block
 *     12  4  CALL, OPEN, ACK: method or service id; REPLY: result code, two's complement;
 *            CREDIT: items granted; else 0
 *     16  8  call id, chosen by the caller, never used twice on a connection; 0: the connection
 *     24  8  CALL: nanoseconds left until the deadline, UINT64_MAX: none; PART: offset of its bytes
 *            in the attachment; CREDIT: bytes of the attachment the other side may have sent in
 *            all; HELLO: the server's incarnation; else 0
 *     32  8  CALL, REPLY, PART: bytes of the whole attachment that travels in PART frames; else 0
 *     40  8  CALL: trace id; HELLO: the cluster whose member the server is, 0: none; else 0
 *     48  4  CRC32C of once block and payload; 0 with RPC_FLAG_UNCHECKED
 *     52  4  CRC32C of bytes 0..51
 *
 * Once block, 56 bytes: client id 16, sequence 8, first incomplete sequence 8, object 8,
 * incarnation that the call was first sent to (0: this is the first time) 8, and credit 8: bytes of
 * the reply's attachment that the caller has room for. A best-effort call has one too when it has
 * such room; its client id is then 0.
 *
 * Kinds. HELLO: the first frame each way; payload: struct rpc_hello. CALL and REPLY carry a
 * message; a REPLY with a negative code carries a struct rpc_failure. CANCEL: the caller does not
 * wait any more; at the caller, the server has nothing more to say. OPEN: makes a client id known
 * to a service; answered by a REPLY with the lease. ACK: a first incomplete sequence by itself.
 * PING: answered by a PING with RPC_FLAG_ANSWER, which also comes unasked from who gets bytes; its
 * number is how many it got in all. ITEM, END, CREDIT: streams. PART: a piece of an attachment.
 * AWAY: no more calls here, please; running ones go on.
 *
 * Either direction of a call begins with room for RPC_ITEMS_AHEAD items and RPC_PART_AHEAD_BYTES of
 * attachment; CREDIT makes more.
 */
#ifndef RPC_FRAME_H
#define RPC_FRAME_H

#include <groundwork/base.h>

enum {
	RPC_MAGIC = 0x5747,
	RPC_VERSION = 1,
	RPC_HEADER_BYTES = 56,
	RPC_ONCE_BYTES = 56,
	RPC_HELLO_BYTES = 16,
	RPC_OPENED_BYTES = 16,
	RPC_FRAME_BYTES_MAX = RPC_HEADER_BYTES + RPC_ONCE_BYTES,
	RPC_PART_BYTES_MAX = 256 << 10,      /* of one PART */
	RPC_PART_AHEAD_BYTES = 64 << 10,
	RPC_ITEMS_AHEAD = 16,
	RPC_REDIRECT_BYTES_MAX = 512,
	RPC_FAILURE_BYTES_MAX = 2 + RPC_REDIRECT_BYTES_MAX + GW_ERROR_TEXT_MAX,
};

enum rpc_kind {
	RPC_KIND_HELLO = 1,
	RPC_KIND_CALL = 2,
	RPC_KIND_REPLY = 3,
	RPC_KIND_CANCEL = 4,
	RPC_KIND_ACK = 5,
	RPC_KIND_PING = 6,
	RPC_KIND_ITEM = 7,
	RPC_KIND_END = 8,
	RPC_KIND_CREDIT = 9,
	RPC_KIND_PART = 10,
	RPC_KIND_OPEN = 11,
	RPC_KIND_AWAY = 12,
	RPC_KIND_MAX = RPC_KIND_AWAY,
};

enum rpc_flag {
	RPC_FLAG_ONCE = 1,      /* a once block follows the header */
	RPC_FLAG_UNCHECKED = 2, /* no CRC of the payload: TLS, or it carries its own */
	RPC_FLAG_ANSWER = 4,    /* of a PING */
	RPC_FLAG_UNRUN = 8,     /* of a failed REPLY: the server's own, no handler was run */
	RPC_FLAG_ALL = 15,
};

/* A client id: random, so no two are equal but by copying a whole client. */
struct rpc_client_id {
	uint64_t words[2];
};

struct rpc_once {
	struct rpc_client_id client;
	uint64_t sequence;
	uint64_t first_incomplete;
	uint64_t object;
	uint64_t incarnation;
	uint64_t reply_credit_bytes;
};

struct rpc_header {
	uint8_t kind;
	uint16_t flags;
	uint32_t payload_bytes;
	uint32_t method; /* or code, or items */
	uint64_t call;
	uint64_t number; /* deadline left, offset, bytes of credit, incarnation */
	uint64_t attachment_bytes;
	uint64_t trace;
	uint32_t payload_crc;
	struct rpc_once once; /* when RPC_FLAG_ONCE */
};

/* HELLO's payload: the most that the sender takes. */
struct rpc_hello {
	uint32_t message_bytes_max;
	uint64_t attachment_bytes_max;
};

/* OPEN's reply. */
struct rpc_opened {
	uint64_t incarnation; /* 0: the table outlives the server */
	uint64_t lease_ms;
};

/* A failed REPLY's payload: 2 bytes length of the redirect, the redirect, the sentence. */
struct rpc_failure {
	struct gw_bytes redirect; /* address of the leader, or empty */
	struct gw_bytes text;
};

/* The bytes in front of the payload: how many were written to out. payload_crc is filled in by the
 * caller (rpc_payload_crc) before. */
size_t rpc_header_encode(const struct rpc_header *header, uint8_t out[RPC_FRAME_BYTES_MAX]);
/* The fixed part. GW_E_CORRUPT (magic, CRC, kind, flags), GW_E_VERSION; a sentence each. */
int rpc_header_decode(const uint8_t in[RPC_HEADER_BYTES], struct rpc_header *header,
		      struct gw_error *error) GW_MUST_CHECK;
void rpc_once_encode(const struct rpc_once *once, uint8_t out[RPC_ONCE_BYTES]);
void rpc_once_decode(const uint8_t in[RPC_ONCE_BYTES], struct rpc_once *once);

/* The CRC of the once block (if the header has one) and the payload. */
uint32_t rpc_payload_crc(const struct rpc_header *header, struct gw_bytes payload);

void rpc_hello_encode(const struct rpc_hello *hello, uint8_t out[RPC_HELLO_BYTES]);
int rpc_hello_decode(struct gw_bytes in, struct rpc_hello *hello,
		     struct gw_error *error) GW_MUST_CHECK;
void rpc_opened_encode(const struct rpc_opened *opened, uint8_t out[RPC_OPENED_BYTES]);
int rpc_opened_decode(struct gw_bytes in, struct rpc_opened *opened,
		      struct gw_error *error) GW_MUST_CHECK;
/* How many bytes were written to out. What is too long is cut. */
size_t rpc_failure_encode(const char *redirect, const char *text,
			  uint8_t out[RPC_FAILURE_BYTES_MAX]);
/* out points into in. */
int rpc_failure_decode(struct gw_bytes in, struct rpc_failure *out,
		       struct gw_error *error) GW_MUST_CHECK;

const char *rpc_kind_name(unsigned kind);

#endif
