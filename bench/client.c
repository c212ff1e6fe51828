/*
 * Who uses a mount, in C, so that what is measured is the mount: one operation a number of times, by one process or
 * by many at once.
 *
 *	cc -O2 -o client client.c
 *	client OPERATION PATH TIMES CLIENTS
 *
 * A % in PATH is the number of the process, from 0. It prints one line: the median and the 99th percentile of the
 * nanoseconds of each operation, of all processes, and operations per second of all together.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void read_once(const char *path)
{
	char buffer[4096];
	int fd = open(path, O_RDONLY);

	if (fd < 0 || read(fd, buffer, sizeof(buffer)) < 0)
		err(1, "%s", path);
	close(fd);
}

static void read_to_the_end(const char *path)
{
	char buffer[4096];
	int fd = open(path, O_RDONLY);
	ssize_t length = -1;

	while (fd >= 0 && (length = read(fd, buffer, sizeof(buffer))) > 0)
		;
	if (length < 0)
		err(1, "%s", path);
	close(fd);
}

/* What `echo 100 >` does. */
static void write_once(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);

	if (fd < 0 || write(fd, "100\n", 4) != 4)
		err(1, "%s", path);
	close(fd);
}

static void make_and_remove(const char *path)
{
	if (mkdir(path, 0777) < 0 || rmdir(path) < 0)
		err(1, "%s", path);
}

static void list(const char *path)
{
	DIR *dir = opendir(path);

	if (!dir)
		err(1, "%s", path);
	while (readdir(dir))
		;
	closedir(dir);
}

/* The attributes as the server has them: what the kernel remembers is not asked. */
static void stat_uncached(const char *path)
{
	struct statx st;

	if (statx(AT_FDCWD, path, AT_STATX_FORCE_SYNC, STATX_BASIC_STATS, &st) < 0)
		err(1, "%s", path);
}

static const struct {
	const char *name;
	void (*run)(const char *path);
} operations[] = {
	{ "open-read-close", read_once },
	{ "read to the end", read_to_the_end },
	{ "write", write_once },
	{ "mkdir+rmdir", make_and_remove },
	{ "readdir", list },
	{ "stat", stat_uncached },
};

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec * UINT64_C(1000000000) + time.tv_nsec;
}

static int compare(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

/* `pattern` with the number in place of its %. */
static const char *path_of(const char *pattern, unsigned number)
{
	const char *percent = strchr(pattern, '%');
	char *path;

	if (!percent)
		return pattern;
	if (asprintf(&path, "%.*s%u%s", (int)(percent - pattern), pattern, number, percent + 1) < 0)
		err(1, NULL);
	return path;
}

int main(int argc, char *argv[])
{
	void (*run)(const char *) = NULL;
	unsigned long times, clients, total;
	uint32_t *nanoseconds;
	uint64_t start;
	int failed = 0, gate[2];

	if (argc == 5)
		for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
			if (strcmp(argv[1], operations[i].name) == 0)
				run = operations[i].run;
	if (!run)
		errx(2, "usage: client OPERATION PATH TIMES CLIENTS");
	times = strtoul(argv[3], NULL, 10);
	clients = strtoul(argv[4], NULL, 10);
	total = times * clients;
	if (total == 0)
		errx(2, "nothing to do");
	/* Shared with the processes, and touched before anything is timed. */
	nanoseconds = mmap(NULL, total * sizeof(*nanoseconds), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
	if (nanoseconds == MAP_FAILED || pipe(gate) < 0)
		err(1, NULL);
	for (unsigned client = 0; client < clients; client++) {
		const char *path = path_of(argv[2], client);
		uint32_t *mine = nanoseconds + client * times;
		pid_t pid = fork();
		char opened;

		if (pid < 0)
			err(1, "fork");
		if (pid > 0)
			continue;
		/* What is looked up once is looked up here. */
		run(path);
		close(gate[1]);
		if (read(gate[0], &opened, 1) < 0)
			err(1, NULL);
		for (unsigned long i = 0; i < times; i++) {
			uint64_t before = now();

			run(path);
			mine[i] = now() - before;
		}
		_exit(0);
	}
	/* Give all the time to get to the gate. */
	usleep(1000 * (clients + 1));
	start = now();
	close(gate[1]);
	for (int status; wait(&status) > 0;)
		failed |= status;
	if (failed)
		return 1;
	double seconds = (now() - start) / 1e9;
	qsort(nanoseconds, total, sizeof(*nanoseconds), compare);
	printf("{\"median\":%u,\"p99\":%u,\"rate\":%.1f}\n", nanoseconds[total / 2], nanoseconds[total * 99 / 100],
	       total / seconds);
	return 0;
}
