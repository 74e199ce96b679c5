/*
 * request.c
 *		Packing and unpacking of requests; see request.h.  Replies are in reply.c.
 *
 * Packed by routers in client backends, unpacked by the backends that serve request streams.  On the wire a
 * request is its whole length (four bytes) and an envelope.
 */
#include "wire/request.h"

#include "wire/image_arrays.h"
#include "wire/packed.h"

/* Memory on the stack for the arrays of a small request; large ones use malloc. */
#define REQUEST_STACK_WORDS 256

size_t
wire_packed_length(const uint8_t *bytes, size_t length)
{
	size_t packed;

	if (length < PACKED_HEAD_BYTES)
		return 0;
	packed = wire_get_u32(bytes);
	if (packed < PACKED_HEAD_BYTES || packed > length || packed > REQUEST_FRAME_BYTES_MAX)
		return 0;
	return packed;
}

static void
request_evaluation(const Request *request, Quorate__Wire__Request *structure)
{
	const WriteEvaluation *evaluation = &request->evaluation;

	structure->version = REQUEST_VERSION_EVALUATED;
	structure->evaluated = true;
	structure->condition_length = evaluation->condition_length;
	structure->names_length = evaluation->names_length;
	structure->values_length = evaluation->values_length;
	structure->returns_old = evaluation->returns_old;
	structure->failure_returns_old = evaluation->failure_returns_old;
}

static void
request_scalars(const Request *request, Quorate__Wire__Request *structure)
{
	structure->version = REQUEST_VERSION_FIRST;
	structure->id = request->id;
	structure->kind = request->kind;
	structure->group = request->group;
	structure->table_id = request->table_id;
	structure->consistent = request->consistent;
	structure->position_length = request->position_length;
	structure->upper_length = request->upper_length;
	structure->backward = request->backward;
	structure->items_max = request->items_max;
	structure->bytes_max = request->bytes_max;
	structure->target = request->target;
	structure->timeout_ms = request->timeout_ms;
	structure->lsn = request->lsn;
	if (request->evaluated)
		request_evaluation(request, structure);
}

/* Fills the protobuf structure; its arrays go to scratch memory.  False without memory. */
static bool
request_structure(const Request *request, Quorate__Wire__Request *structure, WireArena *scratch)
{
	ImageArrays arrays;

	if (!image_arrays_fill(&arrays, request->images, request->image_count, request->expectations,
						   scratch))
		return false;
	quorate__wire__request__init(structure);
	request_scalars(request, structure);
	structure->n_image_kinds = structure->n_image_table_ids = structure->n_image_position_lengths =
		structure->n_image_item_lengths = arrays.count;
	structure->image_kinds = arrays.kinds;
	structure->image_table_ids = arrays.table_ids;
	structure->image_position_lengths = arrays.position_lengths;
	structure->image_item_lengths = arrays.item_lengths;
	structure->n_image_expectations = arrays.expectations ? arrays.count : 0;
	structure->image_expectations = arrays.expectations;
	return true;
}

/* Bytes of the texts at the end of the tail. */
static size_t
evaluation_tail_bytes(const Quorate__Wire__Request *structure)
{
	return (size_t) structure->condition_length + structure->names_length +
		   structure->values_length;
}

static uint8_t *
evaluation_put_tail(uint8_t *out, const Request *request)
{
	const WriteEvaluation *evaluation = &request->evaluation;

	if (!request->evaluated)
		return out;
	out = envelope_put_bytes(out, evaluation->condition, evaluation->condition_length);
	out = envelope_put_bytes(out, evaluation->names, evaluation->names_length);
	return envelope_put_bytes(out, evaluation->values, evaluation->values_length);
}

static size_t
request_size(const Request *request, const Quorate__Wire__Request *structure)
{
	return PACKED_HEAD_BYTES + ENVELOPE_HEAD_BYTES +
		   quorate__wire__request__get_packed_size(structure) + request->position_length +
		   request->upper_length + images_tail_bytes(request->images, request->image_count) +
		   evaluation_tail_bytes(structure);
}

size_t
request_packed_size(const Request *request)
{
	uint64_t first[REQUEST_STACK_WORDS];
	Quorate__Wire__Request structure;
	WireArena scratch;
	size_t size = 0;

	wire_arena_init(&scratch, first, sizeof(first), IMAGE_ARRAYS_BYTES_MAX);
	if (request_structure(request, &structure, &scratch))
		size = request_size(request, &structure);
	wire_arena_free(&scratch);
	return size;
}

size_t
request_pack(const Request *request, uint8_t *out)
{
	uint64_t first[REQUEST_STACK_WORDS];
	Quorate__Wire__Request structure;
	WireArena scratch;
	uint8_t *end = out;

	wire_arena_init(&scratch, first, sizeof(first), IMAGE_ARRAYS_BYTES_MAX);
	if (request_structure(request, &structure, &scratch))
	{
		end = envelope_put(out + PACKED_HEAD_BYTES, &structure.base);
		end = envelope_put_bytes(end, request->position, request->position_length);
		end = envelope_put_bytes(end, request->upper, request->upper_length);
		end = images_put_tail(end, request->images, request->image_count);
		end = evaluation_put_tail(end, request);
		wire_put_u32(out, (uint32_t) (end - out));
	}
	wire_arena_free(&scratch);
	return (size_t) (end - out);
}

/* An evaluation belongs to a write of one image, in a version that knows it. */
static bool
evaluation_bounded(const Quorate__Wire__Request *structure)
{
	if (structure->version == REQUEST_VERSION_FIRST)
		return !structure->evaluated && evaluation_tail_bytes(structure) == 0 &&
			   !structure->returns_old && !structure->failure_returns_old;
	return structure->version <= REQUEST_VERSION_NEWEST && structure->evaluated &&
		   structure->kind == REQUEST_WRITE && structure->n_image_kinds == 1 &&
		   structure->n_image_expectations == 0 &&
		   structure->condition_length <= REQUEST_CONDITION_MAX;
}

/* Kind, numbers and versions; what has a meaning for one kind only must be absent from the others. */
static bool
request_bounded(const Quorate__Wire__Request *structure)
{
	return structure->version >= REQUEST_VERSION_FIRST && structure->kind >= REQUEST_WRITE &&
		   structure->kind <= REQUEST_KIND_LAST && structure->group != 0 &&
		   structure->target <= CORE_NODES_MAX &&
		   structure->position_length <= ENTRY_POSITION_MAX &&
		   structure->upper_length <= ENTRY_POSITION_MAX &&
		   (structure->kind == REQUEST_WRITE || structure->n_image_kinds == 0) &&
		   evaluation_bounded(structure);
}

static void
request_set_scalars(Request *request, const Quorate__Wire__Request *structure)
{
	request->id = structure->id;
	request->kind = (RequestKind) structure->kind;
	request->group = structure->group;
	request->table_id = structure->table_id;
	request->consistent = structure->consistent;
	request->image_count = (uint32_t) structure->n_image_kinds;
	request->position_length = structure->position_length;
	request->upper_length = structure->upper_length;
	request->backward = structure->backward;
	request->items_max = structure->items_max;
	request->bytes_max = structure->bytes_max;
	request->target = (NodeId) structure->target;
	request->timeout_ms = structure->timeout_ms;
	request->lsn = structure->lsn;
	request->evaluated = structure->evaluated;
}

/* Takes the texts off the end of the tail. */
static void
evaluation_take_tail(WriteEvaluation *evaluation, const Quorate__Wire__Request *structure,
					 EnvelopeTail *tail)
{
	evaluation->condition_length = structure->condition_length;
	evaluation->condition = envelope_take(tail, structure->condition_length);
	evaluation->names_length = structure->names_length;
	evaluation->names = envelope_take(tail, structure->names_length);
	evaluation->values_length = structure->values_length;
	evaluation->values = envelope_take(tail, structure->values_length);
	evaluation->returns_old = structure->returns_old;
	evaluation->failure_returns_old = structure->failure_returns_old;
}

/*
 * Can the request be made from this structure and a tail of so many bytes?  Checked before anything is
 * allocated, so that a refused request costs the caller's memory nothing.
 */
static bool
request_arrays(const Quorate__Wire__Request *structure, size_t tail_left, ImageArrays *arrays)
{
	size_t tail_bytes = (size_t) structure->position_length + structure->upper_length +
						evaluation_tail_bytes(structure);

	if (!request_bounded(structure) || !image_arrays_of(arrays, structure))
		return false;
	if (structure->n_image_expectations > 0)
	{
		arrays->expectations = structure->image_expectations;
		if (structure->n_image_expectations != arrays->count)
			return false;
	}
	return image_arrays_check(arrays, &tail_bytes) && tail_bytes == tail_left;
}

/* The struct and its arrays as one block; NULL without memory. */
static Request *
request_allocate(const ImageArrays *arrays, WireAlloc alloc)
{
	size_t image_bytes = arrays->count * sizeof(EntryImage);
	size_t expectation_bytes = arrays->expectations ? arrays->count * sizeof(ImageExpectation) : 0;
	char *block = alloc(sizeof(Request) + image_bytes + expectation_bytes);
	Request *request = (Request *) block;

	if (!request)
		return NULL;
	memset(request, 0, sizeof(Request));
	if (arrays->count > 0)
		request->images = (EntryImage *) (block + sizeof(Request));
	if (arrays->expectations)
		request->expectations = (ImageExpectation *) (block + sizeof(Request) + image_bytes);
	return request;
}

static Request *
request_build(const Quorate__Wire__Request *structure, EnvelopeTail *tail, WireAlloc alloc)
{
	ImageArrays arrays;
	Request *request;

	if (!request_arrays(structure, tail->left, &arrays))
		return NULL;
	request = request_allocate(&arrays, alloc);
	if (!request)
		return NULL;
	request_set_scalars(request, structure);
	request->position = envelope_take(tail, structure->position_length);
	request->upper = envelope_take(tail, structure->upper_length);
	images_take_tail(tail, &arrays, request->images, request->expectations);
	if (request->evaluated)
		evaluation_take_tail(&request->evaluation, structure, tail);
	return request;
}

Request *
request_unpack(const uint8_t *bytes, size_t length, WireAlloc alloc)
{
	uint64_t first[REQUEST_STACK_WORDS];
	WireArena scratch;
	EnvelopeTail tail;
	Request *request = NULL;
	Quorate__Wire__Request *structure;

	if (length < PACKED_HEAD_BYTES || wire_packed_length(bytes, length) != length)
		return NULL;
	wire_arena_init(&scratch, first, sizeof(first), ENVELOPE_SCRATCH_LIMIT(length));
	structure = (Quorate__Wire__Request *) envelope_open(
		bytes + PACKED_HEAD_BYTES, length - PACKED_HEAD_BYTES, &quorate__wire__request__descriptor,
		&scratch, &tail);
	if (structure)
		request = request_build(structure, &tail, alloc);
	wire_arena_free(&scratch);
	return request;
}
