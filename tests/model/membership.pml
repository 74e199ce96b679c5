/*
 * membership.pml
 *		Joint memberships, replicas that come and go, log replicas: decision 0006. See README.md.
 *
 * Everything recorded is durable at once (ballots.pml is about that), adoption is one step, time is absent: a grant lapses
 * whenever that is possible. The network is a set: whatever was sent may arrive at any later time, often, or never. It is kept
 * as what each ballot's owner did: to whom its PREPAREs went, the promises with the logs that they described, the leader's
 * log, of which any prefix may arrive, and the longest prefix that each member acknowledged.
 *
 * A replica is (node, since): node C is the home of replica C (since 1) and, after that was removed, of replica E (since 4).
 * Steps are C functions over Spin's state, so that each reads like the code that it stands for; a broken rule leaves its
 * number in `broken`.
 */
#ifndef BALLOTS
#define BALLOTS 3
#endif
#ifndef LENGTH
#define LENGTH 5 /* of a log; at most 5 */
#endif

/* ---- replicas */
int log[5];       /* entries of six bits, the first one lowest: (ballot, membership or 0) */
byte promised[5];
byte role[5];
byte base[5];     /* the membership with which the replica began */
byte nonce;       /* how often node C dropped the group */

/* ---- what each ballot's owner did; index 0 is not used */
byte owner[5];    /* replica + 1 */
byte asked[5];    /* to whom PREPARE went, and the newest membership with which */
byte asked_with[5];
byte got[5];      /* whose promises the candidate has */
int told[25];     /* the log that a PROMISE described, plus 1; 0: no PROMISE */
int lead_log[5];
byte sent_to[5];  /* to whom ACCEPT went */
byte committed[5];
byte acked[25];   /* longest acknowledged prefix */
byte holds[5];    /* whose grants the leader may still hold under an acknowledged number */
byte elected;     /* ballots that led */

/* ---- joining of node C */
byte join_asks[4]; /* nonces with which node C asked each node's leader */
byte joins[3];     /* for each nonce the memberships that a JOIN carried */

/* ---- what an outsider sees */
int chosen;          /* everything that some leader called committed */
byte chosen_under[5]; /* the ballot under which each entry of it was committed first */
byte removed_by = 1; /* the newest membership known as committed by anybody */
byte broken;         /* the number of a broken rule */

c_code {
/* For reading a counterexample: pan -r prints the steps. */
extern int readtrail;

static void tell(const char *step)
{
	if (readtrail)
		printf("    %s\n", step);
}

#ifndef SCENARIO
#define SCENARIO 1
#endif

enum { A, B, C, D, E, REPLICAS };
enum { ABSENT, FOLLOWER, CANDIDATE, LEADER };
#define BIT(m) (1 << (m))
#define ABC (BIT(A) | BIT(B) | BIT(C))
#define ABD (BIT(A) | BIT(B) | BIT(D))
#define ABE (BIT(A) | BIT(B) | BIT(E))
#define BCD (BIT(B) | BIT(C) | BIT(D))
#define ON_NODE_C (BIT(C) | BIT(E))
#define AT(b, m) ((b) * 5 + (m))

/* ---- memberships: 1 is in force at the beginning; a change goes from one to another that `after` allows */
typedef struct Membership
{
	int generation, old_half, new_half, learners, log_replicas, joint;
	int after;
} Membership;

static const Membership memberships[8] = {
#if SCENARIO == 1 /* C is replaced by D, then D by a new replica on C's node */
	[1] = {1, ABC, ABC, BIT(D), 0, 0, 0},
	[2] = {2, ABC, ABD, 0, 0, 1, BIT(1)},
	[3] = {3, ABD, ABD, 0, 0, 0, BIT(2)},
	[4] = {4, ABD, ABD, BIT(E), 0, 0, BIT(3)},
	[5] = {5, ABD, ABE, 0, 0, 1, BIT(4)},
	[6] = {6, ABE, ABE, 0, 0, 0, BIT(5)},
#elif SCENARIO == 2 /* two changes compete for generation 2: C is replaced by D, or A is */
	[1] = {1, ABC, ABC, BIT(D), 0, 0, 0},
	[2] = {2, ABC, ABD, 0, 0, 1, BIT(1)},
	[3] = {3, ABD, ABD, 0, 0, 0, BIT(2)},
	[4] = {2, ABC, BCD, 0, 0, 1, BIT(1)},
	[5] = {3, BCD, BCD, 0, 0, 0, BIT(4)},
#ifdef NEXT_CHANGE_BEFORE_COMMIT /* a third change begins in the middle of the first */
	[6] = {3, ABD, BCD, 0, 0, 1, BIT(2)},
#endif
#else /* C is a log replica at first; one entry makes it a storage replica */
	[1] = {1, ABC, ABC, 0, BIT(C), 0, 0},
	[2] = {2, ABC, ABC, 0, 0, 0, BIT(1)},
#endif
};

static int counting(int c) { return memberships[c].old_half | memberships[c].new_half; }
static int named(int c) { return counting(c) | memberships[c].learners; }
static int generation(int c) { return memberships[c].generation; }
static int newer_of(int c, int d) { return generation(c) > generation(d) ? c : d; }

/* Outgoing members and log replicas do not lead. */
static int may_lead(int c, int m)
{
#ifdef LOG_REPLICA_LEADS
	return (memberships[c].new_half & BIT(m)) != 0;
#endif
	return (memberships[c].new_half & ~memberships[c].log_replicas & BIT(m)) != 0;
}

static int count(int mask) { return __builtin_popcount(mask); }

/* Those whose word counts for members. */
static int heard(int mask)
{
#ifdef SINCE_IGNORED
	if (mask & ON_NODE_C)
		mask |= ON_NODE_C;
#endif
	return mask;
}

static int quorum(int c, int mask)
{
	const Membership *membership = &memberships[c];

	mask = heard(mask);
	if (2 * count(mask & membership->new_half) <= count(membership->new_half))
		return 0;
#ifdef QUORUM_OF_NEW_HALF
	return 1;
#endif
	return 2 * count(mask & membership->old_half) > count(membership->old_half);
}

/* ---- logs */
static int entry(int log, int i) { return log >> (6 * i) & 63; }
static int ballot_at(int log, int i) { return entry(log, i) >> 3; }
static int prefix(int log, int lsn) { return log & ((1 << (6 * lsn)) - 1); }

static int last_lsn(int log)
{
	int lsn = 0;

	while (lsn < 5 && entry(log, lsn) != 0)
		lsn++;
	return lsn;
}

static int last_ballot(int log) { return log == 0 ? 0 : ballot_at(log, last_lsn(log) - 1); }

static int is_better(int x, int y)
{
	if (last_ballot(x) != last_ballot(y))
		return last_ballot(x) > last_ballot(y);
	return last_lsn(x) > last_lsn(y);
}

static int append(int log, int b, int c) { return log | (b << 3 | c) << (6 * last_lsn(log)); }

/* The newest membership of a log that began with one; entries of the replica's past are ignored. */
static int newest(int log, int began)
{
	int c = began;
	int i;

	for (i = 0; i < last_lsn(log); i++)
	{
		if ((entry(log, i) & 7) != 0 && generation(entry(log, i) & 7) > generation(c))
			c = entry(log, i) & 7;
	}
	return c;
}

static int uses(int m) { return newest(now.log[m], now.base[m]); }

/* ---- leaders */
static int acts(int b, int role)
{
	int m = now.owner[b] - 1;

	return m >= 0 && now.role[m] == role && now.promised[m] == b;
}

static int leads(int b) { return acts(b, LEADER); }

/* The most that the leader's lease can rest on: its time is not modelled, only that a promise waits for its end. */
static int has_lease(int b)
{
	return leads(b) && quorum(uses(now.owner[b] - 1), now.holds[b] | BIT(now.owner[b] - 1));
}

/* Nobody holds a lease once a later ballot led: its writes would be missed (I7, I8). */
static void check_leases(void)
{
	int b;

	for (b = 1; b < BALLOTS; b++)
	{
		if (now.elected >> (b + 1) && has_lease(b))
			now.broken = 8;
	}
}

/* What only the owner of the ballot would have read is forgotten with the role. */
static void lose_role(int m)
{
	int b = now.promised[m];
	int i;

	if (now.role[m] == CANDIDATE || now.role[m] == LEADER)
	{
		now.asked[b] = now.asked_with[b] = now.got[b] = now.holds[b] = 0;
		for (i = 0; i < REPLICAS; i++)
			now.told[AT(b, i)] = now.acked[AT(b, i)] = 0;
	}
	now.role[m] = FOLLOWER;
}

/* A promise that a grant would forbid: whoever was promised before does not hold this one's grant any more. */
static void promise_unbound(int m, int b)
{
	now.holds[now.promised[m]] &= ~BIT(m);
	lose_role(m);
	now.promised[m] = b;
}

/* Whoever has rows may stand, if only to learn of a newer membership by which it may lead. */
static int can_stand(int m, int b)
{
	return now.role[m] == FOLLOWER && now.owner[b] == 0 && now.promised[m] < b &&
		(may_lead(uses(m), m) || !(memberships[uses(m)].log_replicas & BIT(m)));
}

static void stand(int m, int b)
{
	promise_unbound(m, b);
	now.role[m] = CANDIDATE;
	now.owner[b] = m + 1;
	now.asked[b] = counting(uses(m)) & ~BIT(m);
	now.asked_with[b] = uses(m);
	now.got[b] = BIT(m);
}

/* Members are heard; others only with a newer generation. */
static int hears(int m, int from, int with)
{
	return generation(with) > generation(uses(m)) || (named(uses(m)) & BIT(from));
}

static int can_promise(int m, int b)
{
	return now.role[m] != ABSENT && now.promised[m] < b && (now.asked[b] & BIT(m)) &&
		hears(m, now.owner[b] - 1, now.asked_with[b]) && !has_lease(now.promised[m] * (now.role[m] == LEADER));
}

static void receive_prepare(int m, int b)
{
	promise_unbound(m, b);
	now.told[AT(b, m)] = now.log[m] + 1;
	now.holds[b] |= BIT(m);
}

static int can_collect(int m, int b)
{
	int k = now.owner[b] - 1;

	return acts(b, CANDIDATE) && now.told[AT(b, m)] != 0 && !(now.got[b] & BIT(m)) &&
		(counting(uses(k)) & heard(BIT(m))) && last_lsn(now.log[k]) < LENGTH &&
		last_lsn(now.told[AT(b, m)] - 1) < LENGTH;
}

static void lead(int k, int b)
{
	int i;

	/* What was committed under an earlier ballot is in the log. */
	for (i = 0; i < last_lsn(now.chosen); i++)
	{
		if (now.chosen_under[i] < b && entry(now.log[k], i) != entry(now.chosen, i))
			now.broken = 4;
	}
	if (!(memberships[uses(k)].new_half & ~memberships[uses(k)].log_replicas & BIT(k)))
		now.broken = 11;
	now.sent_to[b] = named(uses(k)) & ~BIT(k);
	now.lead_log[b] = now.log[k] = append(now.log[k], b, 0);
	now.role[k] = LEADER;
	now.elected |= BIT(b);
	now.asked[b] = now.asked_with[b] = now.got[b] = 0;
	for (i = 0; i < REPLICAS; i++)
		now.told[AT(b, i)] = 0;
}

/* The best of the logs that the candidate knows. */
static int best_log(int k, int b)
{
	int best = now.log[k];
	int i;

	for (i = 0; i < REPLICAS; i++)
	{
		if ((now.got[b] & BIT(i)) && i != k && is_better(now.told[AT(b, i)] - 1, best))
			best = now.told[AT(b, i)] - 1;
	}
	return best;
}

/*
 * Promises of a quorum, or of anybody whose log is better and brings a newer membership: the best log is adopted; if its
 * membership asks for more promises, the candidate goes on.
 */
static void receive_promise(int m, int b)
{
	int k = now.owner[b] - 1;
	int best;

	now.got[b] |= BIT(m);
	best = best_log(k, b);
	if (!quorum(uses(k), now.got[b]) && generation(newest(best, now.base[k])) <= generation(uses(k)))
		return;
	now.log[k] = best;
#if defined(ADOPTED_MEMBERSHIP_IGNORED)
	if (may_lead(uses(k), k))
#elif defined(KIND_NOT_CHECKED_AGAIN)
	if (quorum(uses(k), now.got[b]))
#else
	if (quorum(uses(k), now.got[b]) && may_lead(uses(k), k))
#endif
	{
		lead(k, b);
		check_leases();
		return;
	}
	now.asked[b] |= counting(uses(k)) & ~BIT(k);
	now.asked_with[b] = newer_of(uses(k), now.asked_with[b]);
}

/* How far the log of m is that of the leader. */
static int matches(int m, int b)
{
	int k = 0;

	while (k < last_lsn(now.lead_log[b]) && entry(now.lead_log[b], k) == entry(now.log[m], k))
		k++;
	return k;
}

static int can_accept(int m, int b)
{
	if (now.role[m] == ABSENT || !(now.sent_to[b] & BIT(m)) || now.promised[m] > b || now.owner[b] == m + 1 ||
		!hears(m, now.owner[b] - 1, newest(now.lead_log[b], now.base[now.owner[b] - 1])))
		return 0;
	return now.promised[m] < b || matches(m, b) < last_lsn(now.lead_log[b]) ||
		(leads(b) && (now.acked[AT(b, m)] < matches(m, b) || !(now.holds[b] & BIT(m))));
}

/* The next entry of the leader's log that this one lacks, and the acknowledgement of everything up to there. */
static void receive_accept(int m, int b)
{
	int k = matches(m, b);

	if (now.promised[m] < b)
	{
		lose_role(m);
		now.promised[m] = b;
	}
	if (k < last_lsn(now.lead_log[b]))
		now.log[m] = prefix(now.lead_log[b], ++k);
	if (!leads(b))
		return;
	if (k > now.acked[AT(b, m)])
		now.acked[AT(b, m)] = k;
	now.holds[b] |= BIT(m);
	check_leases();
}

/* The longest prefix that a quorum has; 0 if that does not end with an entry of the own ballot. */
static int may_commit(int b)
{
	int k = now.owner[b] - 1;
	int lsn, m;

	for (lsn = last_lsn(now.lead_log[b]); lsn > now.committed[b]; lsn--)
	{
		int mask = BIT(k);

		for (m = 0; m < REPLICAS; m++)
			mask |= (now.acked[AT(b, m)] >= lsn) << m;
		if (!quorum(uses(k), mask))
			continue;
#ifdef COMMIT_OLD_BALLOT
		return lsn;
#endif
		return ballot_at(now.lead_log[b], lsn - 1) == b ? lsn : 0;
	}
	return 0;
}

static int can_commit(int b) { return leads(b) && may_commit(b) > 0; }

static void commit(int b)
{
	int lsn = may_commit(b);
	int both = lsn < last_lsn(now.chosen) ? lsn : last_lsn(now.chosen);

	now.committed[b] = lsn;
	if (prefix(now.chosen, both) != prefix(now.lead_log[b], both))
		now.broken = 1;
	else if (lsn > both)
		now.chosen = prefix(now.lead_log[b], lsn);
	for (both = 0; both < lsn; both++)
	{
		if (now.chosen_under[both] == 0 || now.chosen_under[both] > b)
			now.chosen_under[both] = b;
	}
	now.removed_by = newest(prefix(now.lead_log[b], lsn), now.removed_by);
}

static int newest_committed(int b)
{
	return newest(prefix(now.lead_log[b], now.committed[b]), now.base[now.owner[b] - 1]);
}

static int own_is_committed(int b)
{
#ifdef BEGINS_LED
	if (b == 1)
		return 1;
#endif
	return now.committed[b] > 0 && ballot_at(now.lead_log[b], now.committed[b] - 1) == b;
}

/* A new member counts only when it has the log. */
static int has_the_log(int b, int c)
{
	int m;

	for (m = D; m <= E; m++)
	{
		if ((counting(c) & BIT(m)) && now.owner[b] != m + 1 && now.acked[AT(b, m)] < now.committed[b])
			return 0;
	}
	return 1;
}

static int can_change(int b, int c)
{
	int use;

	if (!leads(b) || last_lsn(now.lead_log[b]) >= LENGTH)
		return 0;
	use = uses(now.owner[b] - 1);
	/* A leader does not remove itself. */
	if (!(memberships[c].after & BIT(use)) || !(memberships[c].new_half & BIT(now.owner[b] - 1)))
		return 0;
	if (memberships[use].joint && !memberships[c].joint)
	{
#ifdef JOINT_LEFT_BEFORE_COMMIT
		return 1;
#endif
		return newest_committed(b) == use;
	}
#ifndef CHANGE_BEFORE_OWN_COMMIT
	if (!own_is_committed(b))
		return 0;
#endif
#ifdef NEXT_CHANGE_BEFORE_COMMIT
	return 1;
#endif
	if (newest_committed(b) != use)
		return 0;
	return has_the_log(b, c);
}

static void change(int b, int c)
{
	int k = now.owner[b] - 1;

#ifdef NO_JOINT
	if (memberships[c].joint)
		c++;
#endif
	now.lead_log[b] = now.log[k] = append(now.log[k], b, c);
	now.sent_to[b] |= named(c) & ~BIT(k);
	check_leases();
}

/* A crash, or patience at its end. */
static int can_step_down(int m) { return now.role[m] == CANDIDATE || now.role[m] == LEADER; }

/* ---- node C drops the group and joins again */
static int can_drop(int m)
{
	int c = now.removed_by;

	if (now.role[m] == ABSENT || now.nonce == 2)
		return 0;
#ifdef REMOVED_UNCOMMITTED
	if (now.role[B] != ABSENT && generation(uses(B)) > generation(c))
		c = uses(B);
#endif
	return generation(c) >= generation(uses(m)) && !(named(c) & BIT(m));
}

static void drop(int m)
{
	lose_role(m);
	now.role[m] = ABSENT;
	now.log[m] = now.promised[m] = now.base[m] = 0;
	now.nonce++;
}

static int node_c_has_no_replica(void) { return now.role[C] == ABSENT && now.role[E] == ABSENT; }

static int can_ask_to_join(int b)
{
	int k = now.owner[b] - 1;

	return node_c_has_no_replica() && (now.sent_to[b] & ON_NODE_C) && k != C && k != E &&
		!(now.join_asks[k] & BIT(now.nonce));
}

static int can_answer(int b, int v)
{
	int k = now.owner[b] - 1;

	if (!leads(b) || k == C || k == E || !(now.join_asks[k] & BIT(v)) || !(named(newest_committed(b)) & ON_NODE_C))
		return 0;
#ifndef JOIN_WITHOUT_LEASE
	if (!has_lease(b))
		return 0;
#endif
#ifndef JOIN_BEFORE_OWN_COMMIT
	if (!own_is_committed(b))
		return 0;
#endif
	return !(now.joins[v] & BIT(newest_committed(b)));
}

static int can_join(int c, int v)
{
#ifndef JOIN_WITHOUT_NONCE
	if (v != now.nonce)
		return 0;
#endif
	return node_c_has_no_replica() && (now.joins[v] & BIT(c));
}

static void join(int c)
{
	int m = named(c) & BIT(E) ? E : C;

	now.role[m] = FOLLOWER;
	now.base[m] = c;
}
}

#define STEP(guard, action) :: d_step { c_expr { (guard) } -> c_code { tell(#action); action; }; assert(broken == 0) }

#define EACH_REPLICA(op) op(A) op(B) op(C) op(D) op(E)
#define EACH_PAIR_OF(b, op) op(A, b) op(B, b) op(C, b) op(D, b) op(E, b)
#if BALLOTS == 2
#define EACH_BALLOT(op) op(1) op(2)
#define EACH_PAIR(op) EACH_PAIR_OF(1, op) EACH_PAIR_OF(2, op)
#elif BALLOTS == 3
#define EACH_BALLOT(op) op(1) op(2) op(3)
#define EACH_PAIR(op) EACH_PAIR_OF(1, op) EACH_PAIR_OF(2, op) EACH_PAIR_OF(3, op)
#else
#define EACH_BALLOT(op) op(1) op(2) op(3) op(4)
#define EACH_PAIR(op) EACH_PAIR_OF(1, op) EACH_PAIR_OF(2, op) EACH_PAIR_OF(3, op) EACH_PAIR_OF(4, op)
#endif

#define STAND(m, b) STEP(can_stand(m, b), stand(m, b))
#define RECEIVE_PREPARE(m, b) STEP(can_promise(m, b), receive_prepare(m, b))
#define RECEIVE_PROMISE(m, b) STEP(can_collect(m, b), receive_promise(m, b))
#define RECEIVE_ACCEPT(m, b) STEP(can_accept(m, b), receive_accept(m, b))
#define COMMIT(b) STEP(can_commit(b), commit(b))
#define CHANGE(b) STEP(can_change(b, 2), change(b, 2)) STEP(can_change(b, 3), change(b, 3)) \
	STEP(can_change(b, 4), change(b, 4)) STEP(can_change(b, 5), change(b, 5)) STEP(can_change(b, 6), change(b, 6))
#define STEP_DOWN(m) STEP(can_step_down(m), lose_role(m))
#define ASK_TO_JOIN(b) STEP(can_ask_to_join(b), now.join_asks[now.owner[b] - 1] |= BIT(now.nonce))
#define ANSWER_JOIN(b) STEP(can_answer(b, 1), now.joins[1] |= BIT(newest_committed(b))) STEP(can_answer(b, 2), now.joins[2] |= BIT(newest_committed(b)))
#define JOIN(c) STEP(can_join(c, 0), join(c)) STEP(can_join(c, 1), join(c)) STEP(can_join(c, 2), join(c))

init
{
	d_step {
		c_code {
			int m;

			for (m = A; m <= D; m++)
			{
				now.role[m] = FOLLOWER;
				now.base[m] = 1;
			}
			now.joins[0] = BIT(1); /* that with which C came may still be under way */
#ifdef BEGINS_LED
			/* B leads at the beginning, and has committed an entry of its own that is not modelled. */
			now.owner[1] = B + 1;
			now.role[B] = LEADER;
			now.promised[B] = 1;
			now.elected = BIT(1);
			now.sent_to[1] = named(1) & ~BIT(B);
#endif
		}
	}
	do
	EACH_PAIR(STAND)
	EACH_PAIR(RECEIVE_PREPARE)
	EACH_PAIR(RECEIVE_PROMISE)
	EACH_PAIR(RECEIVE_ACCEPT)
	EACH_BALLOT(COMMIT)
	EACH_BALLOT(CHANGE)
	EACH_REPLICA(STEP_DOWN)
	STEP(can_drop(C), drop(C))
	EACH_BALLOT(ASK_TO_JOIN)
	EACH_BALLOT(ANSWER_JOIN)
	JOIN(1) JOIN(2) JOIN(4) JOIN(5) JOIN(6)
	od
}
