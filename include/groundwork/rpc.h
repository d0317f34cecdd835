/* SPDX-License-Identifier: Apache-2.0 */
/*
 * groundwork/rpc.h - calls that look like calls: typed stubs, deadlines, cancellation, bulk
 * attachments, streams, and calls that run at most once.
 *
 * A service is written as .proto; from it `gw-rpc-gen` makes a header with one struct of handlers
 * and one stub a method. On one side:
 *
 *     static int put(struct gw_rpc_call *call, void *context, const Kv__PutRequest *request,
 *                    Kv__PutReply *reply, struct gw_error *error);
 *
 *     static const struct kv_handlers handlers = {.put = put};
 *     gw_rpc_server_new(&server, NULL, &error);
 *     kv_serve(server, &handlers, my_state, NULL, &error);
 *     gw_rpc_server_listen(server, "127.0.0.1:7000", &error);
 *
 * and on the other, in any task:
 *
 *     gw_rpc_client_new(&client, "127.0.0.1:7000,127.0.0.1:7001", NULL, &error);
 *     result = kv_put(client, &request, &reply, &error);
 *     gw_rpc_reply_free(reply);
 *
 * Tasks. Everything here is called from tasks (task.h), on the one loop that made the object. Each
 * call runs its handler in a task of its own; a stub returns when the answer is there. A handler is
 * straight-line code: it may wait and call others, and its task's deadline is what is left of the
 * caller's; a call that is cancelled, or whose caller is gone, cancels the handler's task.
 *
 * What went wrong, as the caller sees it:
 *   GW_E_UNREACHABLE      never sent: it did not run
 *   GW_E_OVERLOADED       the server has too much to do: it did not run
 *   GW_E_DENIED           this peer may not call it: it did not run
 *   GW_E_NOT_FOUND        no such method there (or what the handler means by it)
 *   GW_E_TIMEOUT          the deadline passed; if it had been sent it may have run, or still run
 *   GW_E_CANCELLED        the task was cancelled; as for GW_E_TIMEOUT
 *   GW_E_OUTCOME_UNKNOWN  at most once: it was sent and the server that could tell is gone
 *   GW_E_STALE            at most once: the server has forgotten this client; a call that was sent
 *                         before may have run once, this time it did not
 *   others                what the handler returned, with its sentence.
 *
 * Semantics, by method. Best effort: sent again on a new connection until the deadline, so it may
 * run several times and late; for what may. At most once: a client id and a sequence number travel
 * with the call, the server remembers what it answered until the client has seen it, and a copy is
 * answered without running the handler again. When the server keeps that memory in its own log
 * (gw_rpc_dup_new with a log), retries work across its restarts, and a call is exactly once.
 *
 * Ownership. What is passed in is copied or no longer needed when the function returns, unless it
 * says otherwise. A reply is the caller's (gw_rpc_reply_free). A request, and what gw_rpc_allocate
 * gave, lasts until the handler has returned and its answer was written.
 */
#ifndef GROUNDWORK_RPC_H
#define GROUNDWORK_RPC_H

#include <groundwork/base.h>
#include <groundwork/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct ProtobufCMessage; /* of <protobuf-c/protobuf-c.h>; generated messages begin so */
struct ProtobufCMessageDescriptor;

struct gw_rpc_call;   /* one call, as its handler sees it, or a caller with streams or parts */
struct gw_rpc_client;
struct gw_rpc_server;
struct gw_rpc_dup;    /* which calls were answered, and with what */
struct gw_rpc_tls;    /* certificates */

enum {
	GW_RPC_MESSAGE_BYTES_MAX = 4 << 20,       /* defaults of options, up to the line */
	GW_RPC_ATTACHMENT_BYTES_MAX = 64 << 20,
	GW_RPC_TIMEOUT_MS = 10000,                /* of a call that does not say */
	GW_RPC_CONNECT_TIMEOUT_MS = 5000,
	GW_RPC_PATIENCE_MS = 500,
	GW_RPC_KEEPALIVE_MS = 5000, /* silence after which a peer is asked; three: it is lost */
	GW_RPC_BACKOFF_MS_MIN = 20,
	GW_RPC_BACKOFF_MS_MAX = 2000,
	GW_RPC_CALLS_MAX = 4096,                  /* at once, of a server or a client */
	GW_RPC_CONNECTION_CALLS_MAX = 1024,       /* at once, of one connection at the server */
	GW_RPC_CONNECTIONS_MAX = 16384,
	GW_RPC_LEASE_MS = 60000,                  /* a client that is silent longer is forgotten */
	GW_RPC_CLIENTS_MAX = 65536,               /* remembered */
	GW_RPC_DUP_BYTES_MAX = 64 << 20,          /* of remembered replies */
	/* ---- not options */
	GW_RPC_WINDOW = 512,                      /* at-most-once calls of a client under way */
	GW_RPC_ADDRESSES_MAX = 16,
	GW_RPC_REDIRECTS_MAX = 8,                 /* of one call; then its list too, in turns */
	GW_RPC_NAME_BYTES_MAX = 128,              /* of a service or method, with the NUL */
};

/* ---- What generated code fills in --------------------------------------------------------- */

enum gw_rpc_semantics {
	GW_RPC_BEST_EFFORT,
	GW_RPC_AT_MOST_ONCE,
};

struct gw_rpc_method {
	const char *name;      /* "Put" */
	const char *full_name; /* "kv.Kv.Put": package, service, method */
	uint32_t id;           /* gw_rpc_method_id(full_name): how the wire names it */
	uint8_t semantics;     /* enum gw_rpc_semantics */
	bool request_streams;  /* the caller sends items instead of a request */
	bool reply_streams;    /* the handler sends items instead of a reply */
	uint32_t timeout_ms;   /* of a call that gives no deadline; 0: the client's */
	const char *roles;     /* that may call it, with commas; "*": all; NULL: none, by TLS */
	const struct ProtobufCMessageDescriptor *request; /* or of the items */
	const struct ProtobufCMessageDescriptor *reply;
	/* Calls the handler of this method in the generated struct of handlers; GW_E_UNSUPPORTED
	 * when it is NULL. request is NULL when the request streams, reply when the reply does. */
	int (*run)(struct gw_rpc_call *call, const void *handlers, void *context,
		   const struct ProtobufCMessage *request, struct ProtobufCMessage *reply,
		   struct gw_error *error);
};

struct gw_rpc_service {
	const char *full_name; /* "kv.Kv" */
	const struct gw_rpc_method *methods;
	size_t method_count;
	struct gw_bytes descriptors; /* what `gw rpc list` asks for: a FileDescriptorSet */
};

/* FNV-1a of the name; a server refuses to have two methods with one id. */
static inline uint32_t gw_rpc_method_id(const char *full_name)
{
	uint32_t hash = 2166136261u;

	for (; *full_name; full_name++)
		hash = (hash ^ (uint8_t)*full_name) * 16777619u;
	return hash;
}

/* ---- Callers ------------------------------------------------------------------------------ */

struct gw_rpc_client_options {
	const char *name;             /* for sentences; NULL: the address */
	struct gw_rpc_tls *tls;       /* outlives the client; NULL: plain */
	bool insecure;                /* plain text also to another machine */
	uint64_t timeout_ms;          /* of calls that give no deadline; the rest as named above */
	uint64_t connect_timeout_ms;  /* of one address */
	/* Of one that others can stand in for: a server that is paused is soon left for the next.
	 * It doubles each time that the address does not answer, up to connect_timeout_ms, so a
	 * server that is only slow is reached, too */
	uint64_t patience_ms;
	uint64_t keepalive_ms;
	uint64_t backoff_ms_min, backoff_ms_max;
	bool hasty;                   /* a call ends when no address can be reached, not only at
				       * its deadline: for who has another server to ask */
	uint32_t message_bytes_max, attachment_bytes_max;
	uint32_t calls_max;
	uint64_t cluster;             /* only its servers are asked; 0: any, but */
	bool one_cluster;             /* none of another cluster than the first was of */
};

/*
 * address: host:port, or the path of a UNIX socket (it contains a '/'), several with commas: tried
 * in turn. Nothing is connected before the first call. GW_E_INVALID for an address that is none.
 * options may be NULL.
 */
int gw_rpc_client_new(struct gw_rpc_client **client, const char *address,
		      const struct gw_rpc_client_options *options, struct gw_error *error)
	GW_MUST_CHECK;
/* Ends its calls with GW_E_CANCELLED, waits until they have returned, and frees it. */
void gw_rpc_client_free(struct gw_rpc_client *client);

struct gw_rpc_call_options {
	uint64_t deadline_ns;        /* of gw_now_ns; 0: the client's timeout from now */
	uint64_t object;             /* what it is about: its at-most-once record moves along */
	uint64_t trace;              /* 0: the task's, or a new one */
	struct gw_bytes attachment;  /* sent with the request, from where it is */
	bool attachment_is_checked;  /* it carries a checksum of its own: no second one is made */
	uint64_t attachment_bytes;   /* instead, to be sent in parts: gw_rpc_part_send */
	void *reply_attachment;      /* the reply's goes straight here, */
	size_t reply_attachment_max; /* GW_E_TOO_LARGE when it does not fit; */
	size_t *reply_attachment_bytes; /* its size; may be NULL */
};

/*
 * One call: request out, *reply back (the stub casts it). options may be NULL. On failure *reply is
 * NULL. The handler's own failure comes back as its code and sentence.
 */
int gw_rpc_invoke(struct gw_rpc_client *client, const struct gw_rpc_method *method,
		  const struct ProtobufCMessage *request, struct ProtobufCMessage **reply,
		  const struct gw_rpc_call_options *options, struct gw_error *error) GW_MUST_CHECK;
/* Frees a reply, or an item that was received; takes any generated message, and NULL. */
void gw_rpc_message_free(struct ProtobufCMessage *message);
#define gw_rpc_reply_free(reply) gw_rpc_message_free((struct ProtobufCMessage *)(void *)(reply))

/*
 * A call with streams, or whose attachments go in parts: opened, used with the functions below, and
 * ended by gw_rpc_finish, which gives the reply (*reply is NULL when it streams). A call that was
 * opened is sent once: a lost connection ends it. request is NULL when the request streams.
 */
int gw_rpc_open(struct gw_rpc_client *client, const struct gw_rpc_method *method,
		const struct ProtobufCMessage *request, const struct gw_rpc_call_options *options,
		struct gw_rpc_call **call, struct gw_error *error) GW_MUST_CHECK;
/* Waits for the end of the call and frees it. */
int gw_rpc_finish(struct gw_rpc_call *call, struct ProtobufCMessage **reply,
		  struct gw_error *error) GW_MUST_CHECK;
/* Cancels and frees it instead. NULL is fine. */
void gw_rpc_abandon(struct gw_rpc_call *call);

/* ---- Either end of a call ----------------------------------------------------------------- */

/* The next item of a stream goes out; waits while the other end has not taken what was sent. */
int gw_rpc_item_send(struct gw_rpc_call *call, const struct ProtobufCMessage *item,
		     struct gw_error *error) GW_MUST_CHECK;
/* No more items come from here. What a handler leaves open ends when it returns. */
int gw_rpc_item_end(struct gw_rpc_call *call, struct gw_error *error) GW_MUST_CHECK;
/* 1 and the next item (gw_rpc_message_free), 0 when there are no more, negative as ever. */
int gw_rpc_item_receive(struct gw_rpc_call *call, struct ProtobufCMessage **item,
			struct gw_error *error) GW_MUST_CHECK;

/* How long the attachment of the request (in a handler) or of the reply (at the caller, which
 * waits for it) is; 0: there is none. */
int gw_rpc_attachment_size(struct gw_rpc_call *call, uint64_t *bytes, struct gw_error *error)
	GW_MUST_CHECK;
/* Fills the buffer with the next size bytes of it, straight from the socket where it can be; less
 * only at the end. Returns how many. */
int gw_rpc_part_receive(struct gw_rpc_call *call, void *buffer, size_t size,
			struct gw_error *error) GW_MUST_CHECK;
/* The next bytes of the attachment that was announced; returns when they need not last any more. A
 * pipeline is a handler that receives a part and sends it on with a call of its own. */
int gw_rpc_part_send(struct gw_rpc_call *call, struct gw_bytes part, struct gw_error *error)
	GW_MUST_CHECK;

/* ---- Handlers ------------------------------------------------------------------------------ */

enum gw_rpc_peer_kind {
	GW_RPC_PEER_NONE, /* plain TCP: anyone */
	GW_RPC_PEER_UNIX, /* the kernel vouches for user_id */
	GW_RPC_PEER_TLS,  /* its certificate vouches for role and name */
};

struct gw_rpc_peer {
	uint8_t kind; /* enum gw_rpc_peer_kind */
	uint32_t user_id;
	char role[64];
	char name[128];
	uint8_t fingerprint[32]; /* SHA-256 of its certificate */
	char address[128];       /* as text */
};

/* Who asks; lasts as long as the call. */
const struct gw_rpc_peer *gw_rpc_call_peer(const struct gw_rpc_call *call);
/* Of gw_now_ns; GW_FOREVER: none. It is the deadline of the handler's task, too. */
uint64_t gw_rpc_call_deadline(const struct gw_rpc_call *call);
/* The number that all calls made for one outside request share; for log lines. */
uint64_t gw_rpc_call_trace(const struct gw_rpc_call *call);
/* Zeroed memory that lasts until the answer was written; for what a reply points to. NULL when
 * there is none. */
void *gw_rpc_allocate(struct gw_rpc_call *call, size_t bytes);
/* An attachment for the reply, sent from where it is: it lasts until `release` (may be NULL: it
 * lasts as long as the server) is called with context, which a failure does at once. Only before
 * the handler returns. */
int gw_rpc_attach(struct gw_rpc_call *call, struct gw_bytes attachment, bool is_checked,
		  void (*release)(void *context), void *context, struct gw_error *error)
	GW_MUST_CHECK;
/* Instead: announces one of so many bytes, to be sent by gw_rpc_part_send before returning. */
int gw_rpc_attach_parts(struct gw_rpc_call *call, uint64_t bytes, struct gw_error *error)
	GW_MUST_CHECK;
/* Where the leader is, for a handler that returns GW_E_NOT_LEADER: the client goes there. */
int gw_rpc_redirect(struct gw_rpc_call *call, const char *address, struct gw_error *error)
	GW_MUST_CHECK;
/*
 * The record that says "this call was answered so", for a service whose table is kept in its log:
 * to be written in the same durable write as the effect, before the handler returns 0 with this
 * very reply. *record lasts as long as the call. Empty for a best-effort call.
 */
int gw_rpc_completion(struct gw_rpc_call *call, const struct ProtobufCMessage *reply,
		      struct gw_bytes *record, struct gw_error *error) GW_MUST_CHECK;

/* ---- Servers ------------------------------------------------------------------------------- */

struct gw_rpc_server_options {
	const char *name;            /* for sentences; NULL: the address */
	struct gw_rpc_tls *tls;      /* outlives the server; NULL: plain */
	bool insecure;               /* plain text also on addresses that others reach */
	uint32_t connections_max;    /* the rest as named above */
	uint32_t calls_max, connection_calls_max;
	uint32_t message_bytes_max, attachment_bytes_max;
	uint64_t keepalive_ms;
	uint64_t greeting_ms;        /* who has not said hello by then is cut; 0: keepalive_ms */
	uint64_t lease_ms;
	uint32_t clients_max;
	size_t dup_bytes_max;
	size_t stack_bytes;          /* of handlers' tasks */
	uint64_t cluster;            /* whose member it is, which clients are told; 0: none's */
};

int gw_rpc_server_new(struct gw_rpc_server **server, const struct gw_rpc_server_options *options,
		      struct gw_error *error) GW_MUST_CHECK;
/* dup: the table of the service's at-most-once calls, which outlives the server; NULL: in memory,
 * forgotten when the server ends. handlers and context outlive the server. Before the first
 * listen. */
int gw_rpc_server_add(struct gw_rpc_server *server, const struct gw_rpc_service *service,
		      const void *handlers, void *context, struct gw_rpc_dup *dup,
		      struct gw_error *error) GW_MUST_CHECK;
/* Accepts calls at host:port or a path from now on; port 0 is any free one. May be called for
 * several addresses. A UNIX socket that a killed server left is taken over. */
int gw_rpc_server_listen(struct gw_rpc_server *server, const char *address,
			 struct gw_error *error) GW_MUST_CHECK;
/* The n-th service in the order they were added; NULL: there is none. The last, which the first
 * listen adds, is the built-in one by which `gw rpc` learns what there is. */
const struct gw_rpc_service *gw_rpc_server_service(const struct gw_rpc_server *server, size_t n);
/* The address of the last listen, with its port. */
const char *gw_rpc_server_address(const struct gw_rpc_server *server);
/* No new connections and calls; waits for the handlers that run until the deadline. */
int gw_rpc_server_drain(struct gw_rpc_server *server, uint64_t deadline_ns) GW_MUST_CHECK;
/* Cuts all connections, cancels the handlers, waits for them and frees it. */
void gw_rpc_server_free(struct gw_rpc_server *server);

/* ---- Certificates -------------------------------------------------------------------------- */

/* `gw cert` makes them. Each is the path of a file in PEM, or the PEM text itself. A key that
 * others may read is refused. */
struct gw_rpc_tls_options {
	const char *ca;          /* the authority's certificate: peers must be signed by it */
	const char *certificate; /* ours, and */
	const char *key;         /* its key */
	const char *server_role; /* callers: what a server must be, whatever its host; NULL: its
				  * certificate must name the host that was called */
};

/*
 * What clients and servers of one loop need for TLS 1.3. Both sides show a certificate, which says
 * role and name; which roles may call a method is the method's `roles`. Reads files at once, so
 * call it when a program starts. options and what they point to are copied.
 */
int gw_rpc_tls_new(struct gw_rpc_tls **tls, const struct gw_rpc_tls_options *options,
		   struct gw_error *error) GW_MUST_CHECK;
/*
 * Reads the files once more: connections made from now on use what they say. A program calls it
 * when it is told that there are new certificates (by SIGHUP, say), or once a day. On failure all
 * stays as it was. A file of the authority may hold the old one and the new one while a cluster
 * moves on.
 */
int gw_rpc_tls_reload(struct gw_rpc_tls *tls, struct gw_error *error) GW_MUST_CHECK;
/* After the clients and servers that use it; waits for the last words of their connections, a
 * second at most. NULL is fine. */
void gw_rpc_tls_free(struct gw_rpc_tls *tls);

/* ---- What was answered --------------------------------------------------------------------- */

struct gw_rpc_dup_options {
	uint64_t lease_ms;
	uint32_t clients_max;
	size_t bytes_max;
	/* Makes a record durable before it returns 0; called in a task. NULL: the table is in
	 * memory only. */
	int (*log)(void *context, struct gw_bytes record, struct gw_error *error);
	void *context;
};

/* A table for one service. options may be NULL: in memory. */
int gw_rpc_dup_new(struct gw_rpc_dup **dup, const struct gw_rpc_dup_options *options,
		   struct gw_error *error) GW_MUST_CHECK;
/* After its server. NULL is fine. */
void gw_rpc_dup_free(struct gw_rpc_dup *dup);
/* Takes in one record of the service's log, in their order, when it starts or follows. */
int gw_rpc_dup_restore(struct gw_rpc_dup *dup, struct gw_bytes record, struct gw_error *error)
	GW_MUST_CHECK;
/* Forgets clients that were silent for a lease before now_ms, the time of the service's log. */
void gw_rpc_dup_expire(struct gw_rpc_dup *dup, uint64_t now_ms);

/* ---- What happened ------------------------------------------------------------------------- */

enum { GW_RPC_LATENCY_BUCKETS = 64 };

struct gw_rpc_method_metrics {
	const struct gw_rpc_method *method;
	uint64_t calls, failures, running;
	uint64_t duplicates;             /* answered without running again */
	uint64_t overloaded;
	uint64_t bytes_in, bytes_out;    /* of messages and attachments */
	/* [n]: calls of less than 2^n/4 microseconds that the one before did not count */
	uint64_t latency[GW_RPC_LATENCY_BUCKETS];
};

/* Of the server's n-th method, in the order they were added; false: there is none. */
bool gw_rpc_server_metrics(const struct gw_rpc_server *server, size_t n,
			   struct gw_rpc_method_metrics *metrics);

#ifdef __cplusplus
}
#endif

#endif
