/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "helper.h"

#include "privilege.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

struct helper {
	pid_t pid; /* 0: it has ended */
	sd_event_source *child;
	sd_event_source *timer;
	bool killed;
	helper_ended_t ended;
	void *userdata;
};

int helper_may_be(const struct helper_user *user)
{
	if (user->uid == geteuid() && user->gid == getegid())
		return 0;
	return privilege_is_held(CAP_SETUID) && privilege_is_held(CAP_SETGID) ? 0 : -EPERM;
}

/* Becomes the user for good; the system calls themselves, as the memory is still the daemon's. */
static int become(const struct helper_user *user)
{
	if (user->uid == geteuid() && user->gid == getegid())
		return 0;
	if (syscall(SYS_setgroups, 0, NULL) < 0 ||
	    syscall(SYS_setresgid, user->gid, user->gid, user->gid) < 0 ||
	    syscall(SYS_setresuid, user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

/* The life of the child between vfork(2) and execve(2); comes back only with what went wrong. */
static int execute(const char *command, const struct helper_user *user, char *const *environment)
{
	char *const arguments[] = {(char *)(uintptr_t)command, NULL};
	static const int defaults[] = {SIGPIPE, SIGCHLD, SIGHUP, SIGTERM, SIGINT};
	sigset_t none;

	for (size_t i = 0; i < sizeof(defaults) / sizeof(defaults[0]); i++)
		signal(defaults[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);

	int null = open("/dev/null", O_RDWR);
	if (null < 0 || setpgid(0, 0) < 0 || chdir("/") < 0)
		return -errno;
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		return -errno;
	if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) < 0)
		return -errno;
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	int r = become(user);
	if (r < 0)
		return r;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	execve(command, arguments, environment);
	return -errno;
}

/*
 * Starts it. The child borrows the daemon's memory until it executes, so that nothing has to be
 * copied however large the daemon is, and leaves its error there.
 */
static int start(const char *command, const struct helper_user *user, char *const *environment,
                 pid_t *ret_pid)
{
	volatile int error = 0;
	pid_t pid = vfork();
	if (pid < 0)
		return -errno;
	if (pid == 0) {
		error = execute(command, user, environment);
		_exit(127);
	}
	if (error < 0) {
		(void)waitpid(pid, NULL, 0);
		return error;
	}
	*ret_pid = pid;
	return 0;
}

static int on_ended(sd_event_source *source, const siginfo_t *info, void *userdata)
{
	struct helper *helper = userdata;
	int status = info->si_code == CLD_EXITED ? info->si_status << 8 : info->si_status;
	(void)kill(-helper->pid, SIGKILL); /* what it may have left behind */
	helper->pid = 0;
	helper->ended(helper, status, helper->killed, helper->userdata);
	return 0;
}

static int on_time(sd_event_source *source, uint64_t time, void *userdata)
{
	struct helper *helper = userdata;
	helper->killed = true;
	(void)kill(-helper->pid, SIGKILL);
	return 0;
}

int helper_run(sd_event *event, const char *command, const struct helper_user *user,
               char *const *environment, usec_t time, helper_ended_t ended, void *userdata,
               struct helper **ret_helper)
{
	_cleanup_(helper_freep) struct helper *helper = calloc(1, sizeof(*helper));
	if (!helper)
		return -ENOMEM;
	helper->ended = ended;
	helper->userdata = userdata;

	int r = start(command, user, environment, &helper->pid);
	if (r >= 0)
		r = sd_event_add_child(event, &helper->child, helper->pid, WEXITED, on_ended,
		                       helper);
	if (r >= 0)
		r = sd_event_add_time_relative(event, &helper->timer, CLOCK_MONOTONIC, time,
		                               USEC_PER_MSEC, on_time, helper);
	if (r < 0)
		return r;
	*ret_helper = TAKE_POINTER(helper);
	return 0;
}

struct helper *helper_free(struct helper *helper)
{
	if (!helper)
		return NULL;
	sd_event_source_disable_unref(helper->child);
	sd_event_source_disable_unref(helper->timer);
	if (helper->pid > 0) {
		(void)kill(-helper->pid, SIGKILL);
		(void)waitpid(helper->pid, NULL, 0);
	}
	free(helper);
	return NULL;
}
