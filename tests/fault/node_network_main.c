/*
 * node_network_main.c
 *		node_network COUNT COMMANDS: a network of nodes, each in a network namespace of its own, with faults.
 *
 * Needs no right but that to make user namespaces. In a namespace of users of its own it makes a network
 * namespace for each node, in which the node has the address 10.77.0.NUMBER, and stands between them as a
 * switch in user space: every packet from one node to another passes through this program, which loses, delays,
 * doubles, reorders or throttles it by the rule of that direction of that pair. What the nodes use is the kernel's TCP.
 *
 * Prints "ready PID DESCRIPTOR ..." when the network is there: /proc/PID/ns/user and /proc/PID/fd/DESCRIPTOR are the
 * namespaces to be entered, by nsenter. Or prints "unavailable: why" and exits with 3. Then it reads commands from the
 * FIFO COMMANDS, a line each:
 *
 *		FROM TO [drop=PERCENT] [delay_ms=N] [jitter_ms=N] [double=PERCENT] [rate=BYTES_PER_S]
 *
 * which replaces the rule for packets from one node to another. Ends by SIGTERM, and the namespaces with it when
 * their last process is gone.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <linux/ethtool.h>
#include <linux/if_packet.h>
#include <linux/sockios.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NODES_MAX 8
#define PACKET_BYTES_MAX 4096

/* A throttled or delayed direction holds that many packets, like a router; the rest is lost. */
#define QUEUE_PACKETS_MAX 2000

/* What goes from one node to another. */
typedef struct Rule
{
	int drop;   /* percent */
	int doubles; /* percent */
	int64_t delay_us;
	int64_t jitter_us; /* up to that much more, each packet for itself: they overtake each other */
	int64_t rate;      /* bytes a second; 0: no limit */
	int64_t busy_until_us;
	int queued;
} Rule;

typedef struct Packet
{
	struct Packet *next;
	int64_t due_us;
	int from;
	int to;
	size_t length;
	uint8_t bytes[];
} Packet;

static int node_count;
static int namespaces[NODES_MAX + 1]; /* descriptors, by number of node */
static int ports[NODES_MAX + 1];      /* packet sockets at the switch's ends */
static Rule rules[NODES_MAX + 1][NODES_MAX + 1];
static Packet *waiting; /* by due time */

static void __attribute__((noreturn, format(printf, 1, 2))) unavailable(const char *format, ...)
{
	int error = errno;
	va_list args;

	printf("unavailable: ");
	va_start(args, format);
	vprintf(format, args);
	va_end(args);
	printf(": %s\n", strerror(error));
	exit(3);
}

static int64_t
now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t) now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* ---- making the network ---- */

static void
write_file(const char *path, const char *text)
{
	int descriptor = open(path, O_WRONLY);

	if (descriptor < 0 || write(descriptor, text, strlen(text)) != (ssize_t) strlen(text))
		unavailable("%s", path);
	close(descriptor);
}

/* The user stays who it is: a server that is started in here refuses to be root. */
static void
enter_user_namespace(void)
{
	unsigned user = getuid();
	unsigned group = getgid();
	char map[64];

	if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0)
		unavailable("user and network namespaces");
	write_file("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "%u %u 1", user, user);
	write_file("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "%u %u 1", group, group);
	write_file("/proc/self/gid_map", map);
}

/* Programs that this one starts need the right to set up networks, too. */
static void
pass_on_rights(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data) != 0)
		unavailable("capget");
	data[0].inheritable = data[0].permitted;
	data[1].inheritable = data[1].permitted;
	if (syscall(SYS_capset, &header, data) != 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_ADMIN, 0, 0) != 0 ||
		prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_SYS_ADMIN, 0, 0) != 0)
		unavailable("capabilities");
}

static void __attribute__((format(printf, 1, 2))) run_ip(const char *format, ...)
{
	char command[256] = "PATH=/usr/sbin:/sbin:/usr/bin:/bin ip ";
	size_t used = strlen(command);
	va_list args;

	va_start(args, format);
	vsnprintf(command + used, sizeof(command) - used, format, args);
	va_end(args);
	errno = 0;
	if (system(command) != 0)
		unavailable("%s", command);
}

static int
open_namespace(void)
{
	int descriptor = open("/proc/self/ns/net", O_RDONLY);

	if (descriptor < 0)
		unavailable("/proc/self/ns/net");
	return descriptor;
}

static void
enter_namespace(int descriptor)
{
	if (setns(descriptor, CLONE_NEWNET) != 0)
		unavailable("setns");
}

/* Packets leave a node with their checksum, and not longer than a wire's. */
static void
turn_offloading_off(const char *interface)
{
	struct ethtool_value value = {.cmd = ETHTOOL_STXCSUM, .data = 0};
	struct ifreq request = {.ifr_data = (char *) &value};
	int descriptor = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (descriptor < 0 || ioctl(descriptor, SIOCETHTOOL, &request) != 0)
		unavailable("checksums of %s", interface);
	close(descriptor);
}

static void
set_up_node(int node)
{
	run_ip("link set lo up");
	turn_offloading_off("net0");
	run_ip("addr add 10.77.0.%d/24 dev net0", node);
	run_ip("link set net0 up");
	for (int other = 1; other <= node_count; other++)
	{
		if (other != node)
			run_ip("neigh add 10.77.0.%d lladdr 02:00:00:00:00:%02x dev net0 nud permanent", other,
				   other);
	}
}

/* The switch's end of a node's cable. */
static int
open_port(int node)
{
	struct sockaddr_ll address = {.sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP)};
	int receive_bytes = 4 * 1024 * 1024;
	char name[IFNAMSIZ];
	int descriptor = socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, htons(ETH_P_IP));

	snprintf(name, sizeof(name), "port%d", node);
	address.sll_ifindex = (int) if_nametoindex(name);
	if (descriptor < 0 || bind(descriptor, (struct sockaddr *) &address, sizeof(address)) != 0)
		unavailable("packet socket");
	setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof(receive_bytes));
	return descriptor;
}

static void
make_node(int node, int home)
{
	if (unshare(CLONE_NEWNET) != 0)
		unavailable("network namespace");
	namespaces[node] = open_namespace();
	enter_namespace(home);
	run_ip("link add port%d type veth peer name net0 address 02:00:00:00:00:%02x netns "
		   "/proc/self/fd/%d",
		   node, node, namespaces[node]);
	run_ip("link set port%d up", node);
	enter_namespace(namespaces[node]);
	set_up_node(node);
	enter_namespace(home);
	ports[node] = open_port(node);
}

static void
make_network(void)
{
	int home;

	enter_user_namespace();
	pass_on_rights();
	home = open_namespace();
	for (int node = 1; node <= node_count; node++)
		make_node(node, home);
	printf("ready %d", (int) getpid());
	for (int node = 1; node <= node_count; node++)
		printf(" %d", namespaces[node]);
	printf("\n");
	fflush(stdout);
}

/* ---- commands ---- */

static void
set_option(Rule *rule, const char *name, int64_t value)
{
	if (strcmp(name, "drop") == 0)
		rule->drop = (int) value;
	else if (strcmp(name, "double") == 0)
		rule->doubles = (int) value;
	else if (strcmp(name, "delay_ms") == 0)
		rule->delay_us = value * 1000;
	else if (strcmp(name, "jitter_ms") == 0)
		rule->jitter_us = value * 1000;
	else if (strcmp(name, "rate") == 0)
		rule->rate = value;
	else
		printf("unknown option %s\n", name);
}

static void
carry_out(char *line)
{
	char *rest;
	char *word = strtok_r(line, " ", &rest);
	int from = word ? atoi(word) : 0;
	int to = (word = strtok_r(NULL, " ", &rest)) ? atoi(word) : 0;
	Rule rule = {0};

	if (from < 1 || from > node_count || to < 1 || to > node_count)
	{
		printf("no such nodes: %d %d\n", from, to);
		return;
	}
	while ((word = strtok_r(NULL, " ", &rest)) != NULL)
	{
		char *value = strchr(word, '=');

		if (!value)
			continue;
		*value = '\0';
		set_option(&rule, word, strtoll(value + 1, NULL, 10));
	}
	rule.queued = rules[from][to].queued;
	rules[from][to] = rule;
	printf("%" PRId64 " %d to %d: drop %d %%, delay %" PRId64 " us\n", now_us(), from, to, rule.drop,
		   rule.delay_us);
}

/* A command is written at once, but one read may bring several. */
static void
take_commands(int descriptor)
{
	char text[4096];
	ssize_t length = read(descriptor, text, sizeof(text) - 1);
	char *rest = text;
	char *line;

	text[length > 0 ? length : 0] = '\0';
	while ((line = strsep(&rest, "\n")) != NULL)
	{
		if (*line)
			carry_out(line);
	}
	fflush(stdout);
}

/* ---- packets ---- */

static bool
happens(int percent)
{
	return percent > 0 && random() % 100 < percent;
}

/* When a packet arrives, for a direction that is slow or long. */
static int64_t
due_time(Rule *rule, size_t length)
{
	int64_t due_us = now_us();

	if (rule->rate > 0)
	{
		if (rule->busy_until_us > due_us)
			due_us = rule->busy_until_us;
		due_us += (int64_t) length * 1000000 / rule->rate;
		rule->busy_until_us = due_us;
	}
	due_us += rule->delay_us;
	if (rule->jitter_us > 0)
		due_us += random() % rule->jitter_us;
	return due_us;
}

static void
keep_until(int from, int to, const uint8_t *bytes, size_t length, int64_t due_us)
{
	Packet *packet;
	Packet **place = &waiting;

	if (rules[from][to].queued >= QUEUE_PACKETS_MAX)
		return;
	packet = malloc(sizeof(*packet) + length);
	if (!packet)
		return;
	*packet = (Packet){.due_us = due_us, .from = from, .to = to, .length = length};
	memcpy(packet->bytes, bytes, length);
	while (*place && (*place)->due_us <= due_us)
		place = &(*place)->next;
	packet->next = *place;
	*place = packet;
	rules[from][to].queued++;
}

/* A packet that a full port does not take is lost, as on a wire. */
static void
deliver(int to, const uint8_t *bytes, size_t length)
{
	if (send(ports[to], bytes, length, 0) < 0 && errno != EAGAIN && errno != ENOBUFS)
		printf("could not deliver %zu bytes to %d: %s\n", length, to, strerror(errno));
}

static void
pass_on(int from, const uint8_t *bytes, size_t length)
{
	int to = length >= sizeof(struct ether_header) ? bytes[5] : 0;
	Rule *rule;

	if (to < 1 || to > node_count || to == from)
		return;
	rule = &rules[from][to];
	if (happens(rule->drop))
		return;
	for (int copies = happens(rule->doubles) ? 2 : 1; copies > 0; copies--)
	{
		if (rule->rate > 0 || rule->delay_us > 0 || rule->jitter_us > 0)
			keep_until(from, to, bytes, length, due_time(rule, length));
		else
			deliver(to, bytes, length);
	}
}

static void
take_packets(int from)
{
	static uint8_t bytes[PACKET_BYTES_MAX];
	ssize_t length;

	for (int i = 0; i < 64 && (length = recv(ports[from], bytes, sizeof(bytes), 0)) > 0; i++)
		pass_on(from, bytes, (size_t) length);
}

/* What is on its way when a direction is cut is lost, too. */
static void
deliver_due(void)
{
	int64_t now = now_us();

	while (waiting && waiting->due_us <= now)
	{
		Packet *packet = waiting;

		waiting = packet->next;
		rules[packet->from][packet->to].queued--;
		if (rules[packet->from][packet->to].drop < 100)
			deliver(packet->to, packet->bytes, packet->length);
		free(packet);
	}
}

static void
wait_for_work(int commands)
{
	struct pollfd sources[NODES_MAX + 1] = {{.fd = commands, .events = POLLIN}};
	struct timespec limit = {0};
	int64_t left_us = waiting ? waiting->due_us - now_us() : 0;

	if (left_us > 0)
		limit = (struct timespec){.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
	for (int node = 1; node <= node_count; node++)
		sources[node] = (struct pollfd){.fd = ports[node], .events = POLLIN};
	if (ppoll(sources, (nfds_t) node_count + 1, waiting ? &limit : NULL, NULL) < 0)
		return;
	if (sources[0].revents & POLLIN)
		take_commands(commands);
	for (int node = 1; node <= node_count; node++)
	{
		if (sources[node].revents & POLLIN)
			take_packets(node);
	}
}

int
main(int argc, char **argv)
{
	int commands;

	node_count = argc == 3 ? atoi(argv[1]) : 0;
	if (node_count < 1 || node_count > NODES_MAX)
	{
		fputs("usage: node_network COUNT COMMANDS\n", stderr);
		return 2;
	}
	/* Open for writing as well: a FIFO without a writer would be readable all the time. */
	commands = open(argv[2], O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (commands < 0)
		unavailable("%s", argv[2]);
	make_network();
	for (;;)
	{
		wait_for_work(commands);
		deliver_due();
	}
}
