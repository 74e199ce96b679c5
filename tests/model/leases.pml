/*
 * leases.pml
 *		Numbered grants between nodes, leases of leaders, wait-out, handover: protocol.md section 6. See README.md.
 *
 * Each group has its members on three nodes: L leads, X wants to lead as well, F is the one that both need (the own copy
 * counts; the quorum of L and X alone is the same with X as F). F's grants to L are modelled in full. X needs none here: what is
 * checked is that L has no lease any more once X leads under a higher ballot, whether X has a lease or not. The other
 * direction is the same with the names exchanged. L may stand again above X. Logs are left out; that a leader has what was chosen
 * is assumed.
 *
 * Time goes in ticks of L's clock. F's clock may run faster: one tick more at a time, at most once in GRANT ticks. All
 * times are kept as what is left or as ages, so time has no end. The network is a set: what was sent may arrive late, often, or
 * never. Of the heartbeats to F, and of its answers under one number, the newest is kept: an older one that arrives would bind F
 * for longer, or give the leader less, than if it were lost.
 */
#ifndef BALLOTS
#define BALLOTS 2 /* of each group; odd ones are L's, even ones X's */
#endif
#ifndef GROUPS
#define GROUPS 1
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef NUMBERS
#define NUMBERS 3 /* of grants, over all lives of F */
#endif

/* ---- between F and L */
byte requests;      /* heartbeat under way to F: its age + 1, 0 if there is none */
byte new_life;      /* L has restarted and F does not know */
byte given;         /* number of the grant given; it is valid while something is left */
byte given_left;
byte given_next;    /* numbers given so far */
byte answers[4];    /* for each number: age + 1 of the request that an answer under way repeats */
byte held;          /* number of the grant held, and what is left of it */
byte held_left;

/* ---- F */
byte wait_out;      /* what is left after F's restart */
byte fast;          /* ticks until F's clock may run fast again */
byte restarts;
byte promised[2];   /* for each group */
byte acked[2];      /* the number under which F acknowledged the promised ballot */
byte released[2];

/* ---- each group: sets of ballots, and of (ballot, number) */
byte asked[2];      /* PREPARE was sent */
byte told[2];       /* PROMISE was sent */
byte led[2];        /* the ballot led at some time */
byte leads[2];      /* it leads now */
byte lost[2];       /* its candidate has crashed */
byte may_serve[2];  /* its first entry is committed */
byte gave_up[2];    /* RELEASE was sent */
byte numbers[8];    /* for each group and ballot: numbers with which F acknowledged it */
byte written[2];    /* the highest ballot of which an entry is committed */
byte broken;

c_code {
extern int readtrail;

/* For reading a counterexample: pan -r prints the steps. */
static void tell(const char *step)
{
	if (readtrail)
		printf("    %s\n", step);
}

enum { L, X };

#define BIT(n) (1 << (n))
#define GRANT 2 /* length of a grant, in ticks */
#ifdef NO_DRIFT_MARGIN
#define BOUND GRANT
#else
#define BOUND (GRANT + 1)
#endif
#define NUMBERS_OF(g, b) ((g) * 4 + (b))

static int owner_of(int b) { return b % 2 == 1 ? L : X; }

/* ---- time */
/* Ages end with the length of a grant: an answer to an older request is worth nothing. */
static void grow_older(unsigned char *age) { *age += *age > 0 && *age <= GRANT; }

static void down(unsigned char *left, int by) { *left = *left > by ? *left - by : 0; }

/* What can never be looked at again is set to 0, so that states that differ in it only count once. */
static void forget(void)
{
	int g, b, number;

#ifndef REVIVED_GRANT
	if (now.given_left == 0)
		now.given = 0;
#endif
	for (number = 1; number < now.held; number++)
		now.answers[number] = 0;
	for (g = 0; g < GROUPS; g++)
	{
#ifndef REVIVED_GRANT
		if (owner_of(now.promised[g]) != L || now.acked[g] != now.given)
			now.acked[g] = 0;
#endif
		for (b = 1; b <= BALLOTS; b++)
		{
			if ((now.led[g] & BIT(b)) && !(now.leads[g] & BIT(b)))
				now.numbers[NUMBERS_OF(g, b)] = 0;
			now.numbers[NUMBERS_OF(g, b)] &= ~(BIT(now.held) - 1); /* older numbers */
		}
	}
}

static void tick(int f_ticks)
{
	int number;

	grow_older(&now.requests);
	down(&now.given_left, f_ticks);
	down(&now.held_left, 1);
	for (number = 1; number <= NUMBERS; number++)
	{
		grow_older(&now.answers[number]);
#ifndef LEASE_FROM_ARRIVAL
		if (now.answers[number] > GRANT)
			now.answers[number] = 0;
#endif
	}
	down(&now.wait_out, f_ticks);
	down(&now.fast, 1);
	if (f_ticks > 1)
		now.fast = GRANT - 1;
}

static int has_time(void) { return now.requests || now.given_left || now.held_left || now.wait_out; }

/* ---- grants */
static int valid_given(int n) { return n == L && now.given_left > 0 ? now.given : 0; }

/* A heartbeat arrives at F, which answers with a grant. */
static int renumbers(void)
{
	/* The former life of L is gone, and whatever rested on its grant. */
	if (now.new_life)
		return 1;
#ifdef REVIVED_GRANT
	return now.given == 0;
#endif
	return !valid_given(L);
}

static int can_request(void)
{
	return now.requests > 0 && (!renumbers() || now.given_next < NUMBERS);
}

static void receive_request(void)
{
	if (renumbers())
		now.given = ++now.given_next;
	now.new_life = 0;
	now.given_left = BOUND;
	now.answers[now.given] = now.requests;
	now.requests = 0;
}

static int can_answer(int number) { return now.answers[number] > 0; }

static void receive_answer(int number)
{
	int left = GRANT + 1 - now.answers[number];

#ifdef LEASE_FROM_ARRIVAL
	left = GRANT;
#endif
	now.answers[number] = 0;
	if (number < now.held || left <= 0)
		return;
	if (number > now.held || left > now.held_left)
		now.held_left = left;
	now.held = number;
}

/* ---- leases */
static int has_lease(int g, int b)
{
	if (owner_of(b) != L || !(now.leads[g] & BIT(b)) || now.held_left == 0)
		return 0;
#ifdef LEASE_UNCONFIRMED
	return 1;
#endif
	return (now.numbers[NUMBERS_OF(g, b)] & BIT(now.held)) != 0;
}

/* Nobody has a lease once a higher ballot led (I8); what a leader serves shows everything committed (I7). */
static void check(void)
{
	int g, b;

	for (g = 0; g < GROUPS; g++)
	{
		for (b = 1; b <= BALLOTS; b++)
		{
			if (!has_lease(g, b))
				continue;
			if (now.led[g] >> (b + 1))
				now.broken = 8;
			if (now.written[g] > b)
				now.broken = 7;
#ifdef READ_BEFORE_COMMIT
			/* Its rows may lack what was written before. */
			if (!(now.may_serve[g] & BIT(b)) && now.written[g] > 0)
				now.broken = 7;
#endif
		}
	}
}

/* ---- F as the acceptor of a group */
static int is_bound(int g, int b)
{
	int owner = owner_of(now.promised[g]);

	if (now.promised[g] == 0 || owner == owner_of(b) || now.released[g])
		return 0;
	/* PREPARE proves a release that F missed. */
	if (now.gave_up[g] & BIT(now.promised[g]))
		return 0;
#ifndef NO_WAIT_OUT
	if (now.wait_out > 0)
		return 1;
#endif
	return valid_given(owner) != 0 && valid_given(owner) == now.acked[g];
}

static int can_promise(int g, int b)
{
	return (now.asked[g] & BIT(b)) && now.promised[g] < b && !is_bound(g, b);
}

static void acknowledge(int g, int b)
{
	if (now.promised[g] != b)
		now.released[g] = 0;
	now.promised[g] = b;
	now.acked[g] = valid_given(owner_of(b));
	if (now.acked[g])
		now.numbers[NUMBERS_OF(g, b)] |= BIT(now.acked[g]);
}

static void receive_prepare(int g, int b)
{
	acknowledge(g, b);
	now.told[g] |= BIT(b);
}

/* An ACCEPT of a leader; it is not held up by grants. */
static int can_accept(int g, int b)
{
	return (now.led[g] & BIT(b)) && now.promised[g] <= b &&
		(now.promised[g] < b || now.acked[g] != valid_given(owner_of(b)));
}

/* A write is committed when F has accepted it. */
static int can_write(int g, int b) { return (now.leads[g] & BIT(b)) && now.promised[g] == b && now.written[g] < b; }

static void write_entry(int g, int b)
{
	now.written[g] = b;
	now.may_serve[g] |= BIT(b);
}

static int can_release(int g, int b) { return (now.gave_up[g] & BIT(b)) && now.promised[g] == b && !now.released[g]; }

static void receive_release(int g)
{
	now.released[g] = 1;
#ifdef RELEASE_FREES_GRANT
	now.given_left = 0;
#endif
}

/* ---- candidates and leaders */
static int acts_above(int g, int b)
{
	int other;

	for (other = b; other <= BALLOTS; other += 2)
	{
		if (now.asked[g] & BIT(other))
			return 1;
	}
	return 0;
}

/* A node stands under a ballot once; what it led before is over, as far as it led. */
static int can_stand(int g, int b)
{
	int other;

	if (acts_above(g, b))
		return 0;
	for (other = owner_of(b) == L ? 1 : 2; other < b; other += 2)
	{
		if (now.leads[g] & BIT(other))
			return 0;
	}
	return 1;
}

static int can_lead(int g, int b)
{
	return (now.told[g] & BIT(b)) && (now.asked[g] & BIT(b)) && !(now.led[g] & BIT(b)) && !(now.lost[g] & BIT(b)) && !acts_above(g, b + 2);
}

static void lead(int g, int b)
{
	now.led[g] |= BIT(b);
	now.leads[g] |= BIT(b);
}

static int can_hand_over(int g, int b) { return (now.leads[g] & BIT(b)) && !(now.gave_up[g] & BIT(b)); }

static void hand_over(int g, int b)
{
#ifndef RELEASE_KEEPS_LEADING
	now.leads[g] &= ~BIT(b);
	now.may_serve[g] &= ~BIT(b);
#endif
	now.gave_up[g] |= BIT(b);
}

/* ---- crashes */
static void restart_l(void)
{
	int g, b, number;

	for (g = 0; g < GROUPS; g++)
	{
		for (b = 1; b <= BALLOTS; b += 2)
		{
			now.leads[g] &= ~BIT(b);
			now.may_serve[g] &= ~BIT(b);
			/* A candidate that crashed never leads under that ballot. */
			if (now.asked[g] & BIT(b))
				now.lost[g] |= BIT(b);
			now.told[g] &= ~BIT(b);
		}
	}
	now.held = now.held_left = 0;
	/* What is under way to the former life is ignored; what it sent only binds F for longer. */
	now.requests = 0;
	for (number = 1; number <= NUMBERS; number++)
		now.answers[number] = 0;
	now.new_life = 1;
	now.restarts++;
}

static void restart_f(void)
{
	int g;

	for (g = 0; g < GROUPS; g++)
		now.acked[g] = now.released[g] = 0;
	now.given = now.given_left = 0;
#ifdef NUMBERS_BEGIN_AGAIN
	now.given_next = 0;
#endif
	now.wait_out = BOUND;
	now.restarts++;
}
}

#define STEP(guard, action) :: d_step { c_expr { (guard) } -> c_code { tell(#action); action; forget(); check(); }; assert(broken == 0) }

#if NUMBERS == 2
#define EACH_NUMBER(op) op(1) op(2)
#else
#define EACH_NUMBER(op) op(1) op(2) op(3)
#endif
#if BALLOTS == 2
#define EACH_BALLOT(g, op) op(g, 1) op(g, 2)
#else
#define EACH_BALLOT(g, op) op(g, 1) op(g, 2) op(g, 3)
#endif
#if GROUPS == 1
#define EACH(op) EACH_BALLOT(0, op)
#else
#define EACH(op) EACH_BALLOT(0, op) EACH_BALLOT(1, op)
#endif

#define RECEIVE_ANSWER(number) STEP(can_answer(number), receive_answer(number))
#define STAND(g, b) STEP(can_stand(g, b), now.asked[g] |= BIT(b))
#define RECEIVE_PREPARE(g, b) STEP(can_promise(g, b), receive_prepare(g, b))
#define LEAD(g, b) STEP(can_lead(g, b), lead(g, b))
#define RECEIVE_ACCEPT(g, b) STEP(can_accept(g, b), acknowledge(g, b))
#define WRITE(g, b) STEP(can_write(g, b), write_entry(g, b))
#define STEP_DOWN(g, b) STEP(now.leads[g] & BIT(b), now.leads[g] &= ~BIT(b); now.may_serve[g] &= ~BIT(b))
#define HAND_OVER(g, b) STEP(can_hand_over(g, b), hand_over(g, b))
#define RECEIVE_RELEASE(g, b) STEP(can_release(g, b), receive_release(g))

init
{
	do
	STEP(has_time(), tick(1))
	STEP(has_time() && now.fast == 0, tick(2))
	STEP(now.requests != 1, now.requests = 1)
	STEP(can_request(), receive_request())
	EACH_NUMBER(RECEIVE_ANSWER)
	EACH(STAND)
	EACH(RECEIVE_PREPARE)
	EACH(LEAD)
	EACH(RECEIVE_ACCEPT)
	EACH(WRITE)
	EACH(STEP_DOWN)
	EACH(HAND_OVER)
	EACH(RECEIVE_RELEASE)
	STEP(now.restarts < RESTARTS, restart_f())
	STEP(now.restarts < RESTARTS, restart_l())
	od
}
