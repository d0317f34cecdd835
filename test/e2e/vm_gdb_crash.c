/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_gdb_crash.c - a guest in machine mode that crashes long after what caused it: a name that is
 * too long runs over the pointer behind it, and much later that pointer is followed.
 */

#define CONSOLE ((volatile unsigned char *)0x10000000)
#define POWER ((volatile unsigned *)0x100000)

enum { POWER_FAILED = 0x3333, ACCOUNTS = 8, DAYS = 20000 };

struct account {
	char name[8];
	const struct account *heir;
	long balance;
};

void _start(void);
void crashed(void);
int main(void);

static struct account accounts[ACCOUNTS];

__attribute__((naked, section(".text.start"))) void _start(void)
{
	__asm__("li sp, 0x80100000\n"
		"la t0, crashed\n"
		"csrw mtvec, t0\n"
		"call main\n"
		"j .");
}

__attribute__((aligned(4), noinline)) void crashed(void)
{
	for (const char *word = "crashed\n"; *word; word++)
		*CONSOLE = (unsigned char)*word;
	*POWER = POWER_FAILED;
	for (;;)
		continue;
}

/* The fault: it does not know how much room there is. */
__attribute__((noinline)) static void rename_account(struct account *account, const char *name)
{
	char *to = account->name;

	while ((*to++ = *name++))
		continue;
}

__attribute__((noinline)) static void open_accounts(void)
{
	for (int at = 0; at < ACCOUNTS; at++) {
		rename_account(&accounts[at], "nobody");
		accounts[at].heir = &accounts[(at + 1) % ACCOUNTS];
		accounts[at].balance = at;
	}
}

__attribute__((noinline)) static void pass_a_day(int day)
{
	for (int at = 0; at < ACCOUNTS; at++)
		accounts[at].balance += (day ^ at) & 7;
	if (day == DAYS / 4)
		rename_account(&accounts[3], "Bartholomew");
}

__attribute__((noinline)) static long settle(void)
{
	const struct account *account = &accounts[0];
	long sum = 0;

	for (int at = 0; at < ACCOUNTS; at++) {
		sum += account->balance;
		account = account->heir;
	}
	return sum;
}

int main(void)
{
	open_accounts();
	for (int day = 0; day < DAYS; day++)
		pass_a_day(day);
	return (int)settle();
}
