"""Leaves the value of NEEDLE in every place that is no file: `plant.py`, as a part of a setup. What runs on
does so in processes of its own that take no notice of being asked to end."""
import ctypes, os, signal, socket, subprocess, time

value = os.environb[b'NEEDLE']
libc = ctypes.CDLL(None, use_errno=True)
libc.shmat.restype = ctypes.c_void_p
libc.syscall.restype = ctypes.c_long


def daemon(work):
    """Forked twice, in a session of its own, without the variables that say whose it is."""
    if os.fork() == 0:
        os.setsid()
        if os.fork() != 0:
            os._exit(0)
        nowhere = os.open('/dev/null', os.O_RDWR)
        for fd in (0, 1, 2):
            os.dup2(nowhere, fd)
        for one in (signal.SIGTERM, signal.SIGHUP, signal.SIGINT):
            signal.signal(one, signal.SIG_IGN)
        work()
        time.sleep(1000)
        os._exit(0)
    os.wait()


def serve(family, place):
    with socket.socket(family, socket.SOCK_STREAM) as one:
        one.bind(place)
        one.listen()
        while True:
            other, _ = one.accept()
            other.sendall(value)
            other.close()


def hold_deleted():
    with open('/root/deleted', 'wb+') as file:
        file.write(value)
        file.flush()
        os.unlink('/root/deleted')
        time.sleep(1000)


def fill_pipe():
    os.mkfifo('/root/pipe')
    pipe = os.open('/root/pipe', os.O_RDWR)
    os.write(pipe, value)


subprocess.Popen(['bash', '-c', 'exec -a innocent sleep 1000'], start_new_session=True)
daemon(lambda: os.execve('/bin/bash', ['innocent', '-c', 'trap "" TERM HUP; sleep 1000; :', value], {}))
daemon(lambda: os.execve('/bin/sleep', ['innocent', '1000'], os.environ))
daemon(lambda: serve(socket.AF_UNIX, b'\0needle'))
daemon(lambda: serve(socket.AF_INET, ('127.0.0.1', 7777)))
daemon(hold_deleted)
daemon(fill_pipe)

with open('/dev/shm/needle', 'wb') as file:
    file.write(value)
shm = libc.shmget(4711, 4096, 0o1666)
at = libc.shmat(shm, None, 0)
ctypes.memmove(at, value, len(value))
queue = libc.msgget(42, 0o1666)
libc.msgsnd(queue, ctypes.create_string_buffer(b'\1' + b'\0' * 7 + value), len(value), 0)
refused = libc.syscall(248, b'user', b'needle', value, len(value), -4) == -1  # add_key, to the user's ring
print('keyring', 'refused' if refused else 'filled')

with open('/root/marked', 'w') as file:
    file.write('x')
try:
    os.setxattr('/root/marked', 'user.needle', value)
    print('xattr set')
except OSError as error:
    print('xattr', error.errno)
for name in ('hosts', 'resolv.conf', 'hostname'):
    with open(f'/etc/{name}', 'ab') as file:
        file.write(b'# ' + value + b'\n')
for path in ('/dev/kmsg', '/proc/1/comm'):
    try:
        with open(path, 'wb') as file:
            file.write(value)
    except OSError as error:
        print(path, error.errno)
subprocess.run(
    ['git', 'credential-cache', 'store'],
    input=b'protocol=https\nhost=example.test\nusername=x\npassword=' + value.split(b'"')[0] + b'\n\n',
    check=True,
)
# A core would have the whole of its memory.
subprocess.run(['bash', '-c', 'ulimit -c unlimited; cd /root; kill -SEGV $$'], stderr=subprocess.DEVNULL)
time.sleep(0.3)
print('planted')
