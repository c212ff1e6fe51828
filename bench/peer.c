/*
 * What bcfs is measured against: a tree of the same shape, in C, as libfuse's examples do it. The high-level
 * interface with its defaults (as many threads as it likes), direct I/O, and one mutex for the tree.
 *
 *	cc -O2 -o peer peer.c $(pkg-config --cflags --libs fuse3)
 *	peer -f MOUNTPOINT
 *
 * Values are kept as text. A store parses an unsigned number, as bcfs does; nothing is charged.
 */
#define _GNU_SOURCE
#define FUSE_USE_VERSION 31
#include <errno.h>
#include <fuse.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LENGTH(array) (sizeof(array) / sizeof((array)[0]))

static const char *const resources[] = { "kmemsize", "privvmpages", "physpages", "numtasks", "numfiles" };
static const char *const values[] = { "barrier", "limit", "held", "maxheld", "minheld", "failcnt" };
static const char *const files[] = { "id", "tasks", "threads" };
static const char description[] = "Beancounters controll resource usage of task groups\n";

/* The first two of the values, and the last two of the files. */
#define WRITABLE_VALUES 2
#define READABLE_FILES 1

struct beancounter {
	unsigned long id;
	struct beancounter *next_of_bucket;
	struct beancounter *next, **link;
	char text[LENGTH(resources)][LENGTH(values)][24];
};

#define BUCKETS (1u << 16)

static struct beancounter *buckets[BUCKETS];
static struct beancounter *all;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Where a path leads: the depth says how much of the rest is meant. */
struct place {
	enum { ROOT, DESCRIPTION, BEANCOUNTER, FILE_OF_BEANCOUNTER, RESOURCE, VALUE } kind;
	struct beancounter *bc;
	unsigned resource, value;
};

static struct beancounter **find(unsigned long id)
{
	struct beancounter **at = &buckets[id % BUCKETS];

	while (*at && (*at)->id != id)
		at = &(*at)->next_of_bucket;
	return at;
}

static int index_of(const char *name, const char *const names[], size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

/* 0, or -1 if the text is no unsigned number; *end is what follows it. */
static int parse(const char *text, unsigned long *value, char **end)
{
	if (*text < '0' || *text > '9')
		return -1;
	errno = 0;
	*value = strtoul(text, end, 10);
	return errno ? -1 : 0;
}

/* With the lock held. */
static int resolve(const char *path, struct place *place)
{
	unsigned long id;
	char *rest, name[32];
	const char *slash;
	int i;

	*place = (struct place){ .kind = ROOT };
	if (strcmp(path, "/") == 0)
		return 0;
	if (strcmp(path, "/description") == 0) {
		place->kind = DESCRIPTION;
		return 0;
	}
	if (parse(path + 1, &id, &rest) || !(place->bc = *find(id)))
		return -ENOENT;
	place->kind = BEANCOUNTER;
	if (*rest == '\0')
		return 0;
	if (*rest++ != '/')
		return -ENOENT;
	if ((i = index_of(rest, files, LENGTH(files))) >= 0) {
		place->kind = FILE_OF_BEANCOUNTER;
		place->value = i;
		return 0;
	}
	slash = strchrnul(rest, '/');
	if ((size_t)(slash - rest) >= sizeof(name))
		return -ENOENT;
	memcpy(name, rest, slash - rest);
	name[slash - rest] = '\0';
	if ((i = index_of(name, resources, LENGTH(resources))) < 0)
		return -ENOENT;
	place->kind = RESOURCE;
	place->resource = i;
	if (*slash == '\0')
		return 0;
	if ((i = index_of(slash + 1, values, LENGTH(values))) < 0)
		return -ENOENT;
	place->kind = VALUE;
	place->value = i;
	return 0;
}

static int peer_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	struct place place;
	int error;

	(void)fi;
	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	pthread_mutex_unlock(&lock);
	if (error)
		return error;
	memset(st, 0, sizeof(*st));
	st->st_nlink = 1;
	st->st_size = 4096;
	switch (place.kind) {
	case ROOT:
	case BEANCOUNTER:
	case RESOURCE:
		st->st_mode = S_IFDIR | 0755;
		st->st_nlink = 2;
		break;
	case FILE_OF_BEANCOUNTER:
		st->st_mode = S_IFREG | (place.value < READABLE_FILES ? 0444 : 0200);
		break;
	case VALUE:
		st->st_mode = S_IFREG | (place.value < WRITABLE_VALUES ? 0644 : 0444);
		break;
	case DESCRIPTION:
		st->st_mode = S_IFREG | 0444;
		break;
	}
	return 0;
}

static void fill_names(void *buffer, fuse_fill_dir_t fill, const char *const names[], size_t count, mode_t type)
{
	struct stat st = { .st_mode = type };

	for (size_t i = 0; i < count; i++)
		fill(buffer, names[i], &st, 0, 0);
}

static int peer_readdir(const char *path, void *buffer, fuse_fill_dir_t fill, off_t offset,
			struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	static const char *const in_root[] = { "description" };
	struct place place;
	int error;

	(void)offset, (void)fi, (void)flags;
	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	if (!error && place.kind == ROOT) {
		struct stat st = { .st_mode = S_IFDIR };

		fill_names(buffer, fill, in_root, LENGTH(in_root), S_IFREG);
		for (struct beancounter *bc = all; bc; bc = bc->next) {
			char name[24];

			snprintf(name, sizeof(name), "%lu", bc->id);
			fill(buffer, name, &st, 0, 0);
		}
	} else if (!error && place.kind == BEANCOUNTER) {
		fill_names(buffer, fill, files, LENGTH(files), S_IFREG);
		fill_names(buffer, fill, resources, LENGTH(resources), S_IFDIR);
	} else if (!error && place.kind == RESOURCE) {
		fill_names(buffer, fill, values, LENGTH(values), S_IFREG);
	} else if (!error) {
		error = -ENOTDIR;
	}
	pthread_mutex_unlock(&lock);
	return error;
}

static int make(unsigned long id)
{
	struct beancounter *bc, **at;
	int error = 0;

	pthread_mutex_lock(&lock);
	at = find(id);
	if (*at) {
		error = -EEXIST;
	} else if (!(bc = calloc(1, sizeof(*bc)))) {
		error = -ENOMEM;
	} else {
		bc->id = id;
		for (size_t r = 0; r < LENGTH(resources); r++)
			for (size_t v = 0; v < LENGTH(values); v++)
				strcpy(bc->text[r][v], "0\n");
		*at = bc;
		bc->next = all;
		if (all)
			all->link = &bc->next;
		bc->link = &all;
		all = bc;
	}
	pthread_mutex_unlock(&lock);
	return error;
}

static int peer_mkdir(const char *path, mode_t mode)
{
	unsigned long id;
	char *rest;

	(void)mode;
	if (parse(path + 1, &id, &rest))
		return -EINVAL;
	return *rest ? -EPERM : make(id);
}

static int peer_rmdir(const char *path)
{
	struct place place;
	int error;

	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	if (!error && place.kind != BEANCOUNTER)
		error = -EPERM;
	if (!error) {
		struct beancounter *bc = place.bc;

		*find(bc->id) = bc->next_of_bucket;
		*bc->link = bc->next;
		if (bc->next)
			bc->next->link = bc->link;
		free(bc);
	}
	pthread_mutex_unlock(&lock);
	return error;
}

static int peer_open(const char *path, struct fuse_file_info *fi)
{
	struct place place;
	int error;

	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	pthread_mutex_unlock(&lock);
	fi->direct_io = 1;
	return error;
}

static int peer_read(const char *path, char *buffer, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct place place;
	char id[24];
	const char *text = "";
	size_t length = 0;
	int error;

	(void)fi;
	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	if (!error) {
		if (place.kind == VALUE) {
			text = place.bc->text[place.resource][place.value];
		} else if (place.kind == DESCRIPTION) {
			text = description;
		} else if (place.kind == FILE_OF_BEANCOUNTER) {
			snprintf(id, sizeof(id), "%lu\n", place.bc->id);
			text = id;
		}
		length = strlen(text);
		length = (size_t)offset < length ? length - offset : 0;
		if (length > size)
			length = size;
		if (length > 0)
			memcpy(buffer, text + offset, length);
	}
	pthread_mutex_unlock(&lock);
	return error ? error : (int)length;
}

static int peer_write(const char *path, const char *buffer, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct place place;
	unsigned long value;
	char text[24], *rest;
	int error;

	(void)offset, (void)fi;
	if (size >= sizeof(text))
		return -EINVAL;
	memcpy(text, buffer, size);
	text[size] = '\0';
	if (parse(text, &value, &rest) || (*rest != '\0' && strcmp(rest, "\n") != 0))
		return -EINVAL;
	pthread_mutex_lock(&lock);
	error = resolve(path, &place);
	if (!error && place.kind == VALUE)
		snprintf(place.bc->text[place.resource][place.value], sizeof(text), "%lu\n", value);
	pthread_mutex_unlock(&lock);
	return error ? error : (int)size;
}

static int peer_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	(void)path, (void)size, (void)fi;
	return 0;
}

static const struct fuse_operations operations = {
	.getattr = peer_getattr,
	.readdir = peer_readdir,
	.mkdir = peer_mkdir,
	.rmdir = peer_rmdir,
	.open = peer_open,
	.read = peer_read,
	.write = peer_write,
	.truncate = peer_truncate,
};

int main(int argc, char *argv[])
{
	if (make(0)) {
		fputs("peer: no memory\n", stderr);
		return 1;
	}
	return fuse_main(argc, argv, &operations, NULL);
}
