/*
 * test_core_membership.c
 *		Memberships: which are valid, the steps of a change, and how they are written as bytes.
 */
#include "core/membership.h"

#include "tap.h"

/* Members as text: "1s 2l -3s +4s 5n", `since` 1 for all. */
static Membership
membership_of(uint64_t generation, const char *text)
{
	Membership membership = {.generation = generation};

	while (*text)
	{
		Member *member = &membership.members[membership.member_count++];
		char *kind;

		if (*text == '-' || *text == '+')
			member->half = *text++ == '-' ? HALF_OUTGOING : HALF_INCOMING;
		member->node = (NodeId) strtoul(text, &kind, 10);
		member->kind = *kind == 's' ? MEMBER_STORAGE : *kind == 'l' ? MEMBER_LOG : MEMBER_LEARNER;
		member->since = 1;
		text = kind + 1;
		text += *text == ' ';
	}
	return membership;
}

/* The same text back, and `since` where it is not 1: "4s@7". */
static const char *
text_of(const Membership *membership)
{
	static char text[512];
	size_t length = 0;
	uint32_t i;

	text[0] = '\0';
	for (i = 0; i < membership->member_count; i++)
	{
		const Member *member = &membership->members[i];

		length += (size_t) snprintf(text + length, sizeof(text) - length, "%s%s%u%c",
									i > 0 ? " " : "",
									member->half == HALF_OUTGOING   ? "-"
									: member->half == HALF_INCOMING ? "+"
																	: "",
									member->node,
									member->kind == MEMBER_STORAGE ? 's'
									: member->kind == MEMBER_LOG   ? 'l'
																   : 'n');
		if (member->since != 1)
			length += (size_t) snprintf(text + length, sizeof(text) - length, "@%" PRIu64,
										member->since);
	}
	return text;
}

static void
test_validity(void)
{
	Membership none = {0};
	Membership logs = membership_of(1, "1l 2l 3l");
	Membership three = membership_of(1, "1s 2s 3s");
	Membership twice = membership_of(1, "1s 2s 1l");
	Membership leaving = membership_of(2, "-1s +2l");
	Membership coming = membership_of(2, "1s +2n");
	Membership stays = membership_of(2, "1s -2n");
	Membership no_node = membership_of(1, "1s 0s");
	Membership big_node = membership_of(1, "1s 65s");

	TAP_OK(!membership_is_valid(&none), "nobody is no membership");
	TAP_OK(!membership_is_valid(&logs), "somebody must be able to lead");
	TAP_OK(membership_is_valid(&three), "three storage replicas are one");
	TAP_OK(!membership_is_valid(&twice), "a node occurs once");
	TAP_OK(!membership_is_valid(&no_node) && !membership_is_valid(&big_node), "nodes have numbers");
	TAP_OK(!membership_is_valid(&leaving), "one that leaves cannot lead");
	TAP_OK(!membership_is_valid(&coming), "a learner does not come to count");
	TAP_OK(membership_is_valid(&stays), "a member may leave as a learner that stays");
	TAP_IS_INT(membership_find(&three, 3), 2, "a member is found");
	TAP_OK(membership_find(&three, 4) == MEMBER_NONE, "a stranger is not");
	TAP_IS_INT(membership_since(&three, 3), 1, "a member has a generation with which it came");
	TAP_IS_INT(membership_since(&three, 4), 0, "a stranger has none");
	TAP_OK(!member_may_lead(&logs.members[0]) && member_counts(&logs.members[0]),
		   "a log replica counts and never leads");
	TAP_OK(!member_may_lead(&leaving.members[0]) && member_counts(&leaving.members[0]),
		   "one that leaves counts and does not lead");
	TAP_OK(member_counts(&stays.members[1]), "one that becomes a learner counts until then");
	TAP_OK(membership_is_joint(&stays) && !membership_is_joint(&three), "halves make it joint");
}

/* A change from one membership to another: what is expected to begin, and to end if that is joint. */
static void
check_change(const char *from, const char *to, const char *begun, const char *ended)
{
	Membership present = membership_of(6, from);
	Membership wanted = membership_of(99, to);
	Membership next = {0};
	Membership final;

	if (!begun)
	{
		TAP_OK(!membership_begin_change(&present, &wanted, &next) && next.member_count == 0,
			   "no change from {%s} to {%s}", from, to);
		return;
	}
	TAP_OK(membership_begin_change(&present, &wanted, &next), "a change from {%s} to {%s}", from,
		   to);
	TAP_IS_STR(text_of(&next), begun, "its first generation");
	TAP_IS_INT(next.generation, 7, "is the next");
	TAP_OK(membership_is_valid(&next), "and valid");
	TAP_OK(membership_is_joint(&next) == (ended != NULL), "joint if the counting members change");
	if (!ended)
		return;
	membership_end_change(&next, &final);
	TAP_IS_STR(text_of(&final), ended, "its last generation");
	TAP_IS_INT(final.generation, 8, "is the one after");
}

static void
test_changes(void)
{
	check_change("1s", "1s 2n 3n", "1s 2n@7 3n@7", NULL);
	check_change("1s 2n 3n", "1s 2s 3l", "1s +2s +3l", "1s 2s 3l");
	check_change("1s 2s 3s 4n", "1s 2s 4s", "1s 2s +4s -3s", "1s 2s 4s");
	check_change("1s 2s 3s", "1s 2s", "1s 2s -3s", "1s 2s");
	check_change("1s 2s 3n", "1s 2s", "1s 2s", NULL);
	check_change("1s 2s 3l", "1s 2s 3s", "1s 2s 3s", NULL);
	check_change("1s 2s 3s", "1s 2s 3l", "1s 2s 3l", NULL);
	check_change("1s 2s 3s", "1s 2s 3n", "1s 2s -3n", "1s 2s 3n");
	check_change("1s 2s 3n", "1s 2s 4s", "1s 2s +4s@7", "1s 2s 4s@7");
	check_change("1s 2s", "2s 1s", NULL, NULL);
	check_change("1s 2s", "1l 2l", NULL, NULL);
	check_change("1s 2s", "", NULL, NULL);
	check_change("1s -2s", "1s", NULL, NULL);
	check_change("1s 2s", "1s +3s", NULL, NULL);
	check_change("1s 2s 3s 4s 5s 6s 7s 8s 9s", "1s 10s 11s 12s 13s 14s 15s 16s",
				 "1s +10s@7 +11s@7 +12s@7 "
				 "+13s@7 +14s@7 +15s@7 +16s@7 -2s -3s -4s -5s -6s -7s -8s -9s",
				 "1s 10s@7 11s@7 12s@7 13s@7 14s@7 15s@7 16s@7");
	check_change("1s 2s 3s 4s 5s 6s 7s 8s 9s", "1s 10s 11s 12s 13s 14s 15s 16s 17s", NULL, NULL);
}

static void
test_bytes(void)
{
	Membership membership = membership_of(0x0102030405060708, "1s -2s +3l 4n");
	Membership decoded;
	uint8_t bytes[MEMBERSHIP_BYTES_MAX];
	size_t length;
	size_t cut;

	membership.members[3].since = 0x1122334455667788;
	length = membership_encode(&membership, bytes);
	TAP_OK(membership_is_encoded(bytes, length), "an encoded membership is recognised");
	TAP_OK(!membership_is_encoded("QMBS", 4) && !membership_is_encoded("QMB", 3),
		   "nothing else is");
	TAP_OK(membership_decode(bytes, length, &decoded), "what was encoded decodes");
	TAP_IS_INT(decoded.generation, membership.generation, "with its generation");
	TAP_IS_STR(text_of(&decoded), "1s -2s +3l 4n@1234605616436508552", "and its members");
	for (cut = 0; cut < length; cut++)
		if (membership_decode(bytes, cut, &decoded))
			break;
	TAP_IS_INT(cut, length, "nothing shorter decodes");
	TAP_OK(!membership_decode(bytes, length + 1, &decoded), "nor does anything longer");
	bytes[MEMBERSHIP_MAGIC_BYTES]++;
	TAP_OK(!membership_decode(bytes, length, &decoded), "another version does not decode");
	bytes[MEMBERSHIP_MAGIC_BYTES]--;
	bytes[MEMBERSHIP_MAGIC_BYTES + 11] = 2;
	TAP_OK(!membership_decode(bytes, length, &decoded), "a node that occurs twice does not decode");
	bytes[MEMBERSHIP_MAGIC_BYTES + 11] = 1;
	bytes[MEMBERSHIP_MAGIC_BYTES + 12] = 4;
	TAP_OK(!membership_decode(bytes, length, &decoded), "a kind that is none does not decode");
	bytes[MEMBERSHIP_MAGIC_BYTES + 12] = MEMBER_STORAGE;
	bytes[MEMBERSHIP_MAGIC_BYTES + 13] = 3;
	TAP_OK(!membership_decode(bytes, length, &decoded), "a half that is none does not decode");
	bytes[MEMBERSHIP_MAGIC_BYTES + 13] = HALF_BOTH;
	TAP_OK(membership_decode(bytes, length, &decoded), "and all is well again");
}

/* The largest memberships fit into the bytes that callers reserve. */
static void
test_bytes_of_the_largest(void)
{
	MembershipAt memberships[MEMBERSHIPS_MAX] = {0};
	MembershipAt decoded[MEMBERSHIPS_MAX];
	uint8_t bytes[MEMBERSHIPS_BYTES_MAX];
	uint32_t i;

	for (i = 0; i < MEMBERSHIPS_MAX; i++)
		memberships[i].membership = membership_of(
			i + 1, "1s 2s 3s 4s 5s 6s 7s 8s 9s 10s 11s 12s 13s 14s 15s 16s");
	TAP_IS_INT(membership_encode(&memberships[0].membership, bytes), MEMBERSHIP_BYTES_MAX,
			   "sixteen members take all the bytes of one");
	TAP_IS_INT(memberships_encode(memberships, MEMBERSHIPS_MAX, bytes), MEMBERSHIPS_BYTES_MAX,
			   "and all the bytes of several");
	TAP_IS_INT(memberships_decode(bytes, MEMBERSHIPS_BYTES_MAX, decoded), MEMBERSHIPS_MAX,
			   "which decode");
}

static void
test_list_bytes(void)
{
	MembershipAt memberships[MEMBERSHIPS_MAX] = {0};
	MembershipAt decoded[MEMBERSHIPS_MAX];
	uint8_t bytes[MEMBERSHIPS_BYTES_MAX + 1] = {0};
	size_t length;
	size_t cut;

	memberships[0].membership = membership_of(3, "1s 2s 3s");
	memberships[1].membership = membership_of(4, "1s 2s -3s +4s");
	memberships[1].lsn = 0x0102030405060708;
	memberships[1].ballot = (Ballot){0x1112131415161718, 4};
	length = memberships_encode(memberships, 2, bytes);
	TAP_IS_INT(memberships_decode(bytes, length, decoded), 2, "two memberships with their entries");
	TAP_IS_INT(decoded[0].lsn, 0, "the first without an entry");
	TAP_IS_INT(decoded[1].lsn, memberships[1].lsn, "the second with its LSN");
	TAP_OK(decoded[1].ballot.round == memberships[1].ballot.round && decoded[1].ballot.node == 4,
		   "and its ballot");
	TAP_IS_STR(text_of(&decoded[1].membership), "1s 2s -3s +4s", "and its members");
	for (cut = 0; cut < length; cut++)
		if (memberships_decode(bytes, cut, decoded) != 0)
			break;
	TAP_IS_INT(cut, length, "nothing shorter decodes");
	TAP_IS_INT(memberships_decode(bytes, length + 1, decoded), 0, "nor does anything longer");
	bytes[0]++;
	TAP_IS_INT(memberships_decode(bytes, length, decoded), 0, "another version does not decode");
	bytes[0]--;
	bytes[1] = 0;
	TAP_IS_INT(memberships_decode(bytes, length, decoded), 0, "nor do none");
	bytes[1] = MEMBERSHIPS_MAX + 1;
	TAP_IS_INT(memberships_decode(bytes, length, decoded), 0, "nor more than there can be");
}

int
main(void)
{
	test_validity();
	test_changes();
	test_bytes();
	test_bytes_of_the_largest();
	test_list_bytes();
	return tap_done();
}
