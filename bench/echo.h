/* SPDX-License-Identifier: Apache-2.0 */
/*
 * echo.h - what the echo benches share: their arguments, the two processes and their cores, and the
 * line at the end.
 *
 *     PROGRAM batched|unbatched SIZE CONNECTIONS OUTSTANDING COUNT [SERVER_CORE CLIENT_CORE]
 *
 * A server, in a process of its own, sends back what it gets; a client has OUTSTANDING messages of
 * SIZE bytes under way over CONNECTIONS connections (TCP on loopback), until COUNT have come back.
 * Unbatched: a system call for each message and direction. Prints the seconds, the messages a
 * second and the microseconds that one was under way on average.
 */
#ifndef BENCH_ECHO_H
#define BENCH_ECHO_H

#include <arpa/inet.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	ECHO_CONNECTIONS_MAX = 4096,
	ECHO_BUFFER_BYTES = 256 << 10, /* of a connection */
};

struct echo {
	bool batched;
	size_t size, connections, outstanding;
	uint64_t count;
	int cores[2]; /* of server and client; -1: any */
	uint16_t port;
	pid_t server; /* the client's: to be ended with it, if it does not end by itself */
};

static inline void echo_fail(const char *what)
{
	perror(what);
	exit(1);
}

static inline struct echo echo_arguments(int argc, char **argv)
{
	struct echo echo = {.cores = {-1, -1}};

	if (argc != 6 && argc != 8) {
		fprintf(stderr,
			"usage: %s batched|unbatched SIZE CONNECTIONS OUTSTANDING COUNT "
			"[SERVER_CORE CLIENT_CORE]\n",
			argv[0]);
		exit(2);
	}
	echo.batched = strcmp(argv[1], "batched") == 0;
	echo.size = strtoull(argv[2], NULL, 10);
	echo.connections = strtoull(argv[3], NULL, 10);
	echo.outstanding = strtoull(argv[4], NULL, 10);
	echo.count = strtoull(argv[5], NULL, 10);
	for (int i = 0; argc == 8 && i < 2; i++)
		echo.cores[i] = (int)strtol(argv[6 + i], NULL, 10);
	if (!echo.size || !echo.connections || echo.connections > ECHO_CONNECTIONS_MAX ||
	    echo.outstanding < echo.connections || echo.count < echo.outstanding) {
		fprintf(stderr, "%s: numbers that do not fit each other\n", argv[0]);
		exit(2);
	}
	return echo;
}

/* How many of all messages under way are a connection's. */
static inline size_t echo_share(const struct echo *echo, size_t connection)
{
	return echo->outstanding / echo->connections +
	       (connection < echo->outstanding % echo->connections);
}

static inline void echo_pin(int core)
{
	cpu_set_t set;

	if (core < 0)
		return;
	CPU_ZERO(&set);
	CPU_SET((size_t)core, &set);
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		echo_fail("cannot use that core");
}

static inline double echo_seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static inline struct sockaddr_in echo_address(uint16_t port)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/*
 * Forks the server, which tells its port through a pipe and ends with its last connection; then
 * runs the client, and prints.
 */
static inline int echo_main(int argc, char **argv,
			    void (*server)(const struct echo *echo, int port_pipe),
			    void (*client)(const struct echo *echo))
{
	struct echo echo = echo_arguments(argc, argv);
	double begin, seconds;
	int pipes[2];
	pid_t child;

	if (pipe(pipes) < 0)
		echo_fail("pipe");
	child = fork();
	if (child < 0)
		echo_fail("fork");
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(pipes[0]);
		echo_pin(echo.cores[0]);
		server(&echo, pipes[1]);
		_exit(0);
	}
	close(pipes[1]);
	echo.server = child;
	if (read(pipes[0], &echo.port, sizeof(echo.port)) != sizeof(echo.port))
		echo_fail("no server");
	echo_pin(echo.cores[1]);
	begin = echo_seconds();
	client(&echo);
	seconds = echo_seconds() - begin;
	waitpid(child, NULL, 0);
	printf("%.6f s %.0f/s %.2f us\n", seconds, (double)echo.count / seconds,
	       1e6 * seconds * (double)echo.outstanding / (double)echo.count);
	return 0;
}

static inline void echo_tell_port(int port_pipe, uint16_t port)
{
	if (write(port_pipe, &port, sizeof(port)) != sizeof(port))
		echo_fail("cannot tell the port");
	close(port_pipe);
}

#endif
