/*
 * table_partition.h
 *		The partition that an operator names by its number.
 */
#ifndef QUORATE_SQLAPI_TABLE_PARTITION_H
#define QUORATE_SQLAPI_TABLE_PARTITION_H

#include "postgres.h"

#include "catalog/metadata.h"

/* ERROR 22023 if the table has no such partition. */
extern const PartitionInfo *table_partition(const TableInfo *table, int32 number);

#endif /* QUORATE_SQLAPI_TABLE_PARTITION_H */
