/*
 * ballots.pml
 *		Promises, adoption and commit of one group on three acceptors that crash: protocol.md sections 2 to 5. See README.md.
 *
 * Two of the three nodes propose, each under every other ballot. A node has what it recorded and what is on its disk; a sync
 * brings the disk up to date, a crash takes the node back to its disk. The network is a set: whatever was sent may arrive at any
 * later time, often, or never. It is kept as what was said under each ballot: that PREPARE was sent, the promises with the
 * logs that they described, the leader's log, of which any piece may arrive, and the longest prefix acknowledged by each member.
 * The value of an entry is its ballot: nobody proposes two values for one LSN under one ballot, if the rules hold.
 */
#ifndef BALLOTS
#define BALLOTS 4 /* at most 6; 1 and 2 have round 1, 3 and 4 round 2, ... */
#endif
#ifndef LENGTH
#define LENGTH 3 /* of a log; at most 5 */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif

/* ---- nodes */
int log[3];       /* ballots of the entries, three bits each, the first one lowest */
byte promised[3];
byte role[3];
byte source[3];   /* whose log is being adopted */
int disk_log[3];
byte disk_promised[3];
byte crashes;

/* ---- what was said under each ballot; index 0 is not used */
byte asked;       /* PREPARE was sent: a set of ballots */
int told[21];     /* the log that a PROMISE described, plus 1; 0: no PROMISE */
int lead_log[7];
byte acked[21];
byte committed[7];

/* ---- what an outsider sees */
byte said[3];     /* the highest ballot that each node said to have promised */
int chosen;       /* everything that some leader called committed */
byte chosen_under[5]; /* the ballot under which each entry of it was committed first */
byte broken;      /* the number of a broken rule */

c_code {
extern int readtrail;

/* For reading a counterexample: pan -r prints the steps. */
static void tell(const char *step)
{
	if (readtrail)
		printf("    %s\n", step);
}

enum { NODES = 3 };
enum { FOLLOWER, CANDIDATE, ADOPTING, LEADER };
#define BIT(n) (1 << (n))
#define AT(b, m) ((b) * NODES + (m))

static int owner_of(int b) { return (b + 1) % 2; }

/* Ballots are (round, node): here they are counted through. */
static int compare(int x, int y)
{
#ifdef HALF_BALLOT
	return (x + 1) / 2 - (y + 1) / 2;
#endif
	return x - y;
}

/* ---- logs */
static int entry(int log, int i) { return log >> (3 * i) & 7; }
static int prefix(int log, int lsn) { return log & ((1 << (3 * lsn)) - 1); }
static int append(int log, int lsn, int b) { return prefix(log, lsn) | b << (3 * lsn); }

static int last_lsn(int log)
{
	int lsn = 0;

	while (lsn < 5 && entry(log, lsn) != 0)
		lsn++;
	return lsn;
}

static int last_ballot(int log) { return log == 0 ? 0 : entry(log, last_lsn(log) - 1); }

static int is_better(int x, int y)
{
	int order = compare(last_ballot(x), last_ballot(y));

	return order > 0 || (order == 0 && last_lsn(x) > last_lsn(y));
}

/* How far the two logs look equal. */
static int common(int x, int y)
{
	int lsn = 0;

	while (entry(x, lsn) != 0 && entry(y, lsn) != 0 && compare(entry(x, lsn), entry(y, lsn)) == 0)
		lsn++;
	return lsn;
}

static int is_synced(int m)
{
#ifdef PROMISE_FORGETS
	return now.log[m] == now.disk_log[m];
#endif
	return now.log[m] == now.disk_log[m] && now.promised[m] == now.disk_promised[m];
}

/* Whether a reply may leave. */
static int may_reply(int m)
{
#ifdef REPLY_BEFORE_SYNC
	return 1;
#endif
	return is_synced(m);
}

static int acts(int m, int b, int role) { return now.role[m] == role && now.promised[m] == b && owner_of(b) == m; }

/* What only the owner of the ballot would have read is forgotten with the role. */
static void lose_role(int m)
{
	int i;

	if (now.role[m] != FOLLOWER)
	{
		for (i = 0; i < NODES; i++)
			now.told[AT(now.promised[m], i)] = now.acked[AT(now.promised[m], i)] = 0;
		/* Who promises a ballot that nobody stands under any more can only do less than who does not. */
		now.asked &= ~BIT(now.promised[m]);
	}
	now.role[m] = FOLLOWER;
	now.source[m] = 0;
}

/* Logs that hold the same (LSN, ballot) are equal up to there (I5). */
static void check(void)
{
	int m, k, lsn;

	for (m = 0; m < NODES; m++)
	{
		for (k = 0; k < m; k++)
		{
			for (lsn = 1; lsn <= LENGTH; lsn++)
			{
				if (entry(now.log[m], lsn - 1) != 0 && entry(now.log[m], lsn - 1) == entry(now.log[k], lsn - 1) &&
					prefix(now.log[m], lsn) != prefix(now.log[k], lsn))
					now.broken = 5;
			}
		}
	}
}

static void sync_disk(int m)
{
	now.disk_log[m] = now.log[m];
#ifndef PROMISE_FORGETS
	now.disk_promised[m] = now.promised[m];
#endif
}

/*
 * What can never matter any more is set to one value, so that states that differ in it only count once. After the last
 * crash every sync may as well come at once: it holds up replies, and those are late anyway.
 */
static void forget(void)
{
	int m, b, past;

	for (m = 0; m < NODES; m++)
	{
		if (now.crashes == CRASHES)
			sync_disk(m);
		if (now.disk_promised[m] >= now.said[m])
			now.said[m] = 0;
	}
	for (b = 1; b <= BALLOTS; b++)
	{
		for (past = 1, m = 0; m < NODES; m++)
			past = past && compare(now.promised[m], b) > 0 && compare(now.disk_promised[m], b) > 0;
		if (past)
			now.lead_log[b] = now.committed[b] = 0;
	}
}

static void said_promised(int m, int b)
{
	if (b > now.said[m])
		now.said[m] = b;
}

/* ---- acceptor */
static int can_promise(int m, int b) { return (now.asked & BIT(b)) && owner_of(b) != m && compare(b, now.promised[m]) > 0; }

static void receive_prepare(int m, int b)
{
	lose_role(m);
	now.promised[m] = b;
}

static int can_send_promise(int m, int b)
{
	return (now.asked & BIT(b)) && owner_of(b) != m && compare(b, now.promised[m]) == 0 && now.role[m] == FOLLOWER &&
		may_reply(m) && now.told[AT(b, m)] == 0 && acts(owner_of(b), b, CANDIDATE);
}

static void send_promise(int m, int b)
{
	now.told[AT(b, m)] = now.log[m] + 1;
	said_promised(m, b);
}

static int can_accept(int m, int b)
{
	if (now.lead_log[b] == 0 || owner_of(b) == m || compare(b, now.promised[m]) < 0)
		return 0;
	return compare(b, now.promised[m]) > 0 || common(now.log[m], now.lead_log[b]) < last_lsn(now.lead_log[b]);
}

/* The next entry that this log lacks; what conflicts with it is cut. */
static void receive_accept(int m, int b)
{
	int matched = common(now.log[m], now.lead_log[b]);
	int lsn;

	lose_role(m);
#ifndef ACCEPT_PROMISES_NOTHING
	now.promised[m] = b;
#endif
	if (matched < last_lsn(now.lead_log[b]))
	{
		now.log[m] = append(now.log[m], matched, entry(now.lead_log[b], matched));
		matched++;
	}
	for (lsn = 0; lsn < matched && lsn < now.committed[b]; lsn++)
	{
		if (entry(now.log[m], lsn) != entry(now.chosen, lsn))
			now.broken = 6;
	}
}

/* A late ACCEPT whose entries are all there. */
static int can_accept_late(int m, int b, int lsn)
{
	return now.lead_log[b] != 0 && owner_of(b) != m && compare(b, now.promised[m]) == 0 &&
		lsn <= common(now.log[m], now.lead_log[b]) && lsn < last_lsn(now.log[m]);
}

static void receive_late(int m, int lsn)
{
#ifdef CUT_WHEN_SHORTER
	now.log[m] = prefix(now.log[m], lsn);
#endif
}

static int acknowledges(int m, int b)
{
#ifdef ACK_UNMATCHED
	return last_lsn(now.log[m]) < last_lsn(now.lead_log[b]) ? last_lsn(now.log[m]) : last_lsn(now.lead_log[b]);
#endif
	return common(now.log[m], now.lead_log[b]);
}

static int can_send_accepted(int m, int b)
{
	int owner = owner_of(b);

#ifdef ACCEPT_PROMISES_NOTHING
	if (compare(b, now.promised[m]) < 0)
		return 0;
#else
	if (compare(b, now.promised[m]) != 0)
		return 0;
#endif
	return now.lead_log[b] != 0 && owner != m && may_reply(m) && acts(owner, b, LEADER) &&
		acknowledges(m, b) > now.acked[AT(b, m)];
}

static void send_accepted(int m, int b)
{
	now.acked[AT(b, m)] = acknowledges(m, b);
#ifndef ACCEPT_PROMISES_NOTHING
	said_promised(m, b);
#endif
}

/* ---- proposer */
static int can_stand(int m, int b) { return now.role[m] == FOLLOWER && compare(b, now.promised[m]) > 0; }

static void stand(int m, int b)
{
	now.promised[m] = b;
	now.role[m] = CANDIDATE;
}

static int can_send_prepare(int m, int b) { return acts(m, b, CANDIDATE) && may_reply(m) && !(now.asked & BIT(b)); }

static void lead(int m, int b)
{
	int lsn, i;

	/* What was committed under an earlier ballot is in the log (I4). */
	for (lsn = 0; lsn < last_lsn(now.chosen); lsn++)
	{
		if (now.chosen_under[lsn] < b && entry(now.log[m], lsn) != entry(now.chosen, lsn))
			now.broken = 4;
	}
	lose_role(m);
	now.log[m] = append(now.log[m], last_lsn(now.log[m]), b);
	now.lead_log[b] = now.log[m];
	now.role[m] = LEADER;
}

/* PREPARE has left, so that the own promise is durable; with one other promise there is a quorum. */
static int can_take_promise(int m, int b, int from)
{
	return acts(m, b, CANDIDATE) && (now.asked & BIT(b)) && now.told[AT(b, from)] != 0 &&
		last_lsn(now.log[m]) < LENGTH && last_lsn(now.told[AT(b, from)] - 1) < LENGTH;
}

static void receive_promise(int m, int b, int from)
{
	int theirs = now.told[AT(b, from)] - 1;

#ifdef NO_ADOPTION
	lead(m, b);
	return;
#endif
#ifdef PER_LSN_ADOPTION
	int lsn, merged = 0;

	for (lsn = 0; lsn < LENGTH; lsn++)
		merged |= (entry(theirs, lsn) > entry(now.log[m], lsn) ? entry(theirs, lsn) : entry(now.log[m], lsn)) << (3 * lsn);
	now.log[m] = merged;
	lead(m, b);
	return;
#endif
	if (!is_better(theirs, now.log[m]))
	{
		lead(m, b);
		return;
	}
	now.log[m] = prefix(now.log[m], common(now.log[m], theirs));
	now.role[m] = ADOPTING;
	now.source[m] = from;
}

/* The next entry of the log that is being adopted; after the last one the node leads. */
static void adopt(int m, int b)
{
	int theirs = now.told[AT(b, now.source[m])] - 1;
	int lsn = last_lsn(now.log[m]);

	if (lsn < last_lsn(theirs))
		now.log[m] = append(now.log[m], lsn, entry(theirs, lsn));
	else
		lead(m, b);
}

static int can_propose(int m, int b) { return acts(m, b, LEADER) && last_lsn(now.log[m]) < LENGTH; }

static void propose(int m, int b)
{
	now.log[m] = append(now.log[m], last_lsn(now.log[m]), b);
	now.lead_log[b] = now.log[m];
}

/* The longest prefix that a quorum has durable; 0 if that does not end with an entry of the own ballot. */
static int may_commit(int m, int b)
{
	int own = common(now.log[m], now.disk_log[m]);
	int lsn, i, have;

#ifdef COUNT_UNSYNCED
	own = last_lsn(now.log[m]);
#endif
	for (lsn = own; lsn > now.committed[b]; lsn--)
	{
		have = 1;
		for (i = 0; i < NODES; i++)
			have += i != m && now.acked[AT(b, i)] >= lsn;
		if (have < 2)
			continue;
#ifdef COMMIT_OLD_BALLOT
		return lsn;
#endif
		return entry(now.log[m], lsn - 1) == b ? lsn : 0;
	}
	return 0;
}

static int can_commit(int m, int b) { return acts(m, b, LEADER) && may_commit(m, b) > 0; }

static void commit(int m, int b)
{
	int lsn = may_commit(m, b);
	int both = lsn < last_lsn(now.chosen) ? lsn : last_lsn(now.chosen);

	now.committed[b] = lsn;
	if (prefix(now.chosen, both) != prefix(now.log[m], both))
		now.broken = 1;
	else if (lsn > both)
		now.chosen = prefix(now.log[m], lsn);
	for (both = 0; both < lsn; both++)
	{
		if (now.chosen_under[both] == 0 || now.chosen_under[both] > b)
			now.chosen_under[both] = b;
	}
}

/* ---- crashes */
/* The node starts again from its disk; what it said to have promised must be there (I3). */
static void crash(int m)
{
	lose_role(m);
	now.log[m] = now.disk_log[m];
	now.promised[m] = now.disk_promised[m];
	now.crashes++;
	if (now.promised[m] < now.said[m])
		now.broken = 3;
}
}

#define STEP(guard, action) :: d_step { c_expr { (guard) } -> c_code { tell(#action); action; forget(); check(); }; assert(broken == 0) }

#define EACH_NODE(op) op(0) op(1) op(2)
#define EACH_OWNED_2(op) op(0, 1) op(1, 2)
#define EACH_OWNED_3(op) EACH_OWNED_2(op) op(0, 3)
#define EACH_OWNED_4(op) EACH_OWNED_3(op) op(1, 4)
#define EACH_OTHER_2(op) op(1, 1) op(2, 1) op(0, 2) op(2, 2)
#define EACH_OTHER_3(op) EACH_OTHER_2(op) op(1, 3) op(2, 3)
#define EACH_OTHER_4(op) EACH_OTHER_3(op) op(0, 4) op(2, 4)
#if BALLOTS == 2
#define EACH_OWNED(op) EACH_OWNED_2(op)
#define EACH_OTHER(op) EACH_OTHER_2(op)
#elif BALLOTS == 3
#define EACH_OWNED(op) EACH_OWNED_3(op)
#define EACH_OTHER(op) EACH_OTHER_3(op)
#else
#define EACH_OWNED(op) EACH_OWNED_4(op)
#define EACH_OTHER(op) EACH_OTHER_4(op)
#endif

#define RECEIVE_PREPARE(m, b) STEP(can_promise(m, b), receive_prepare(m, b))
#define SEND_PROMISE(m, b) STEP(can_send_promise(m, b), send_promise(m, b))
#define RECEIVE_ACCEPT(m, b) STEP(can_accept(m, b), receive_accept(m, b))
#define SEND_ACCEPTED(m, b) STEP(can_send_accepted(m, b), send_accepted(m, b))
#define RECEIVE_LATE(m, b) STEP(can_accept_late(m, b, 1), receive_late(m, 1)) STEP(can_accept_late(m, b, 2), receive_late(m, 2))
#define STAND(m, b) STEP(can_stand(m, b), stand(m, b))
#define SEND_PREPARE(m, b) STEP(can_send_prepare(m, b), now.asked |= BIT(b))
#define RECEIVE_PROMISE(from, b) \
	STEP(can_take_promise(owner_of(b), b, from), receive_promise(owner_of(b), b, from))
#define ADOPT(m, b) STEP(acts(m, b, ADOPTING), adopt(m, b))
#define PROPOSE(m, b) STEP(can_propose(m, b), propose(m, b))
#define COMMIT(m, b) STEP(can_commit(m, b), commit(m, b))
#define SYNC(m) STEP(!is_synced(m), sync_disk(m))
#define CRASH(m) STEP(now.crashes < CRASHES, crash(m))

init
{
	do
	EACH_OWNED(STAND)
	EACH_OWNED(SEND_PREPARE)
	EACH_OTHER(RECEIVE_PREPARE)
	EACH_OTHER(SEND_PROMISE)
	EACH_OTHER(RECEIVE_PROMISE)
	EACH_OWNED(ADOPT)
	EACH_OWNED(PROPOSE)
	EACH_OTHER(RECEIVE_ACCEPT)
	EACH_OTHER(SEND_ACCEPTED)
#ifdef CUT_WHEN_SHORTER
	EACH_OTHER(RECEIVE_LATE)
#endif
	EACH_OWNED(COMMIT)
	EACH_NODE(SYNC)
	EACH_NODE(CRASH)
	od
}
