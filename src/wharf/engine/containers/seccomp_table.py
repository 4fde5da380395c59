"""What Docker's default seccomp profile (28.5) lets a container call, as a table of our own making.

`seccomp_profile.py` reads it. Everything that is not in it answers EPERM.
"""

import errno
from typing import NamedTuple

from wharf.linux.seccomp import SyscallArg

ALWAYS = """
accept accept4 access adjtimex alarm bind brk cachestat capget capset chdir chmod chown chown32
clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
clock_nanosleep clock_nanosleep_time64 close close_range connect copy_file_range creat dup dup2 dup3
epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
epoll_wait_old eventfd eventfd2 execve execveat exit exit_group faccessat faccessat2 fadvise64
fadvise64_64 fallocate fanotify_mark fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl
fcntl64 fdatasync fgetxattr flistxattr flock fork fremovexattr fsetxattr fstat fstat64 fstatat64
fstatfs fstatfs64 fsync ftruncate ftruncate64 futex futex_requeue futex_time64 futex_wait
futex_waitv futex_wake futimesat get_robust_list get_thread_area getcpu getcwd getdents getdents64
getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getitimer getpeername
getpgid getpgrp getpid getppid getpriority getrandom getresgid getresgid32 getresuid getresuid32
getrlimit getrusage getsid getsockname getsockopt gettid gettimeofday getuid getuid32 getxattr
getxattrat inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy
io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit ioctl ioprio_get ioprio_set ipc
kill landlock_add_rule landlock_create_ruleset landlock_restrict_self lchown lchown32 lgetxattr link
linkat listen listmount listxattr listxattrat llistxattr _llseek lremovexattr lseek lsetxattr lstat
lstat64 madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mkdir mkdirat mknod
mknodat mlock mlock2 mlockall mmap mmap2 mprotect mq_getsetattr mq_notify mq_open mq_timedreceive
mq_timedreceive_time64 mq_timedsend mq_timedsend_time64 mq_unlink mremap mseal msgctl msgget msgrcv
msgsnd msync munlock munlockall munmap name_to_handle_at nanosleep newfstatat _newselect open openat
openat2 pause pidfd_open pidfd_send_signal pipe pipe2 pkey_alloc pkey_free pkey_mprotect poll ppoll
ppoll_time64 prctl pread64 preadv preadv2 prlimit64 process_mrelease pselect6 pselect6_time64
pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv recv recvfrom recvmmsg
recvmmsg_time64 recvmsg remap_file_pages removexattr removexattrat rename renameat renameat2
restart_syscall riscv_hwprobe rmdir rseq rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo
rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 rt_tgsigqueueinfo
sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam
sched_getscheduler sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity
sched_setattr sched_setparam sched_setscheduler sched_yield seccomp select semctl semget semop
semtimedop semtimedop_time64 send sendfile sendfile64 sendmmsg sendmsg sendto set_robust_list
set_thread_area set_tid_address setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups
setgroups32 setitimer setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
setresuid32 setreuid setreuid32 setrlimit setsid setsockopt setuid setuid32 setxattr setxattrat
shmat shmctl shmdt shmget shutdown sigaltstack signalfd signalfd4 sigprocmask sigreturn socketcall
socketpair splice stat stat64 statfs statfs64 statmount statx symlink symlinkat sync sync_file_range
syncfs sysinfo tee tgkill time timer_create timer_delete timer_getoverrun timer_gettime
timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime timerfd_gettime64
timerfd_settime timerfd_settime64 times tkill truncate truncate64 ugetrlimit umask uname unlink
unlinkat uretprobe utime utimensat utimensat_time64 utimes vfork vmsplice wait4 waitid waitpid write
writev
"""
"""Calls that every container may make, whatever the arguments."""


class Entry(NamedTuple):
    """Calls allowed on conditions: all of `arguments`, `capabilities` and `kernel` must hold.

    `machines` are Docker's words for the interfaces it is meant for, empty for all; `without` names a
    capability, and `not_machines` interfaces, whose holders do not get the entry. `error`: answer that,
    rather than allow.
    """

    names: str
    arguments: tuple[SyscallArg, ...] = ()
    machines: tuple[str, ...] = ()
    not_machines: tuple[str, ...] = ()
    capability: str | None = None
    without: str | None = None
    kernel: tuple[int, int] | None = None
    error: int | None = None


def _argument(index: int, op: str, value: int) -> tuple[SyscallArg]:
    return ({"index": index, "value": value, "op": f"SCMP_CMP_{op}"},)


AF_VSOCK = 40
_NEW_NAMESPACES = 0x7E020000
"""Every CLONE_NEW* of clone(2) but CLONE_NEWTIME, which shares its bit with the exit signal."""
_S390 = ("s390", "s390x")

CONDITIONAL = (
    Entry("process_vm_readv process_vm_writev ptrace", kernel=(4, 8)),  # before, ptrace went round seccomp
    Entry("socket", _argument(0, "NE", AF_VSOCK)),
    Entry("personality", _argument(0, "EQ", 0)),  # PER_LINUX
    Entry("personality", _argument(0, "EQ", 0x8)),  # PER_LINUX32
    Entry("personality", _argument(0, "EQ", 0x20000)),  # UNAME26
    Entry("personality", _argument(0, "EQ", 0x20008)),  # both
    Entry("personality", _argument(0, "EQ", 0xFFFFFFFF)),  # a question only
    Entry("sync_file_range2 swapcontext", machines=("ppc64le",)),
    Entry(
        "arm_fadvise64_64 arm_sync_file_range sync_file_range2 breakpoint cacheflush set_tls",
        machines=("arm", "arm64"),
    ),
    Entry("arch_prctl", machines=("amd64", "x32")),
    Entry("modify_ldt", machines=("amd64", "x32", "x86")),
    Entry("s390_pci_mmio_read s390_pci_mmio_write s390_runtime_instr", machines=_S390),
    Entry("riscv_flush_icache", machines=("riscv64",)),
    Entry("open_by_handle_at", capability="CAP_DAC_READ_SEARCH"),
    Entry(
        "bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie lsm_get_self_attr"
        " lsm_list_modules lsm_set_self_attr mount mount_setattr move_mount open_tree perf_event_open"
        " quotactl quotactl_fd setdomainname sethostname setns syslog umount umount2 unshare",
        capability="CAP_SYS_ADMIN",
    ),
    Entry("clone", _argument(0, "MASKED_EQ", _NEW_NAMESPACES), not_machines=_S390, without="CAP_SYS_ADMIN"),
    Entry("clone", _argument(1, "MASKED_EQ", _NEW_NAMESPACES), machines=_S390, without="CAP_SYS_ADMIN"),
    # clone3's flags are in memory, out of a filter's sight; C libraries fall back to clone on ENOSYS.
    Entry("clone3", without="CAP_SYS_ADMIN", error=errno.ENOSYS),
    Entry("reboot", capability="CAP_SYS_BOOT"),
    Entry("chroot", capability="CAP_SYS_CHROOT"),
    Entry("delete_module init_module finit_module", capability="CAP_SYS_MODULE"),
    Entry("acct", capability="CAP_SYS_PACCT"),
    Entry(
        "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev ptrace",
        capability="CAP_SYS_PTRACE",
    ),
    Entry("iopl ioperm", capability="CAP_SYS_RAWIO"),
    Entry("settimeofday stime clock_settime clock_settime64", capability="CAP_SYS_TIME"),
    Entry("vhangup", capability="CAP_SYS_TTY_CONFIG"),
    Entry("get_mempolicy mbind set_mempolicy set_mempolicy_home_node", capability="CAP_SYS_NICE"),
    Entry("syslog", capability="CAP_SYSLOG"),
    Entry("bpf", capability="CAP_BPF"),
    Entry("perf_event_open", capability="CAP_PERFMON"),
)
"""In the order of their rules."""

ARCHITECTURES = {
    "x86_64": ("amd64", ("SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32")),
    "aarch64": ("arm64", ("SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM")),
}
"""By the kernel's name of the machine: Docker's word for it, and the interfaces its programs may use."""
