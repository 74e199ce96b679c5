# How the messages of quorate.proto become C; included by Makefile and by pgxs.mk.
# PB_SOURCES is empty as long as there is no quorate.proto.

PB = extension/wire/quorate.pb-c
PB_SOURCES = $(if $(wildcard extension/wire/quorate.proto),$(PB).c)

$(PB).c: extension/wire/quorate.proto
	cd extension && protoc-c --c_out=. wire/quorate.proto

$(PB).h: $(PB).c ;
