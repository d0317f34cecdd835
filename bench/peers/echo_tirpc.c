/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo_tirpc.c - the echo of bench/echo_rpc.c by ONC RPC. It has one call under way at a time.
 * echo.sh has the arguments.
 */
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <rpc/rpc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PROGRAM = 0x20000099, VERSION = 1, BOUNCE = 1, BYTES_MAX = 8 << 20 };

struct bytes {
	char *data;
	u_int size;
};

static bool_t xdr_all(XDR *xdr, ...)
{
	va_list arguments;
	struct bytes *bytes;

	va_start(arguments, xdr);
	bytes = va_arg(arguments, struct bytes *);
	va_end(arguments);
	return xdr_bytes(xdr, &bytes->data, &bytes->size, BYTES_MAX);
}

static void dispatch(struct svc_req *request, SVCXPRT *transport)
{
	struct bytes bytes = {NULL, 0};

	if (request->rq_proc == NULLPROC) {
		svc_sendreply(transport, (xdrproc_t)xdr_void, NULL);
	} else if (!svc_getargs(transport, (xdrproc_t)xdr_all, (caddr_t)&bytes)) {
		svcerr_decode(transport);
	} else {
		svc_sendreply(transport, (xdrproc_t)xdr_all, (caddr_t)&bytes);
		svc_freeargs(transport, (xdrproc_t)xdr_all, (caddr_t)&bytes);
	}
}

static void serve(void)
{
	SVCXPRT *transport = svctcp_create(RPC_ANYSOCK, 0, 0);

	if (!transport || !svc_register(transport, PROGRAM, VERSION, dispatch, 0)) {
		fprintf(stderr, "cannot serve\n");
		exit(1);
	}
	printf("%d\n", transport->xp_port);
	fclose(stdout);
	svc_run();
}

static void call(int port, size_t size, size_t count)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	struct timeval timeout = {60, 0};
	struct bytes sent = {calloc(1, size), (u_int)size};
	int fd = RPC_ANYSOCK, yes = 1;
	CLIENT *client;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client = clnttcp_create(&address, PROGRAM, VERSION, &fd, 0, 0);
	if (!client) {
		clnt_pcreateerror("cannot connect");
		exit(1);
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
	for (size_t i = 0; i < count; i++) {
		struct bytes back = {NULL, 0};

		if (clnt_call(client, BOUNCE, (xdrproc_t)xdr_all, (caddr_t)&sent,
			      (xdrproc_t)xdr_all, (caddr_t)&back, timeout) != RPC_SUCCESS ||
		    back.size != size) {
			clnt_perror(client, "call");
			exit(1);
		}
		free(back.data);
	}
	clnt_destroy(client);
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "serve") == 0)
		serve();
	if (argc != 7 || strcmp(argv[4], "1") != 0 || strcmp(argv[5], "1") != 0) {
		fprintf(stderr, "usage: %s serve | call PORT SIZE 1 1 COUNT\n", argv[0]);
		return 2;
	}
	call(atoi(argv[2]), strtoul(argv[3], NULL, 10), strtoul(argv[6], NULL, 10));
	return 0;
}
