/**
 * What makes a program the owner of a terminal: given the master as standard input, the columns, the
 * rows, and the program with its arguments. Already the leader of a session (the runner starts it so), it
 * unlocks the terminal, opens it, which makes it the session's, sets its size, takes it as standard
 * input, output and error, and becomes the program.
 *
 * Perl comes with Debian's essential packages, and with git almost everywhere; Python where Perl does not.
 * The numbers are Linux's TIOCSPTLCK, TIOCGPTN and TIOCSWINSZ, the same on x64 and arm64.
 */
/** What follows once `$tty` is open: it becomes the program's own. */
const PERL_ON_THE_TTY = `open(STDIN, "<&", $tty) or die "$path: $!\\n";
open(STDOUT, ">&", $tty) or die "$path: $!\\n";
open(STDERR, ">&", $tty) or die "$path: $!\\n";
close($tty);
exec { $argv[0] } @argv;
print STDERR "$argv[0]: $!\\n";
exit 127;
`;

const PERL = `
my ($columns, $rows, @argv) = @ARGV;
delete $ENV{PERL_BADLANG};
my $unlock = pack("i", 0);
ioctl(STDIN, 0x40045431, $unlock) or die "TIOCSPTLCK: $!\\n";
my $number = pack("I", 0);
ioctl(STDIN, 0x80045430, $number) or die "TIOCGPTN: $!\\n";
my $path = "/dev/pts/" . unpack("I", $number);
open(my $tty, "+<", $path) or die "$path: $!\\n";
my $size = pack("S4", $rows, $columns, 0, 0);
ioctl($tty, 0x5414, $size) or die "TIOCSWINSZ: $!\\n";
${PERL_ON_THE_TTY}`;

const PYTHON = `
import fcntl, os, struct, sys
os.environ.pop("PERL_BADLANG", None)
columns, rows, argv = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]
fcntl.ioctl(0, 0x40045431, struct.pack("i", 0))
number = struct.unpack("I", fcntl.ioctl(0, 0x80045430, struct.pack("I", 0)))[0]
tty = os.open("/dev/pts/%d" % number, os.O_RDWR)
fcntl.ioctl(tty, 0x5414, struct.pack("4H", rows, columns, 0, 0))
for fd in (0, 1, 2):
    os.dup2(tty, fd)
os.close(tty)
try:
    os.execvp(argv[0], argv)
except OSError as error:
    os.write(2, ("%s: %s\\n" % (argv[0], error.strerror)).encode())
    os._exit(127)
`;

/**
 * macOS: TIOCPTYGRANT, TIOCPTYUNLK, TIOCPTYGNAME, TIOCSCTTY (there opening alone may not make it the
 * session's), TIOCSWINSZ. Perl comes with the system.
 */
const PERL_ON_A_MAC = `
my ($columns, $rows, @argv) = @ARGV;
delete $ENV{PERL_BADLANG};
ioctl(STDIN, 0x20007454, 0) or die "TIOCPTYGRANT: $!\\n";
ioctl(STDIN, 0x20007452, 0) or die "TIOCPTYUNLK: $!\\n";
my $path = "\\0" x 128;
ioctl(STDIN, 0x40807453, $path) or die "TIOCPTYGNAME: $!\\n";
$path = unpack("Z*", $path);
open(my $tty, "+<", $path) or die "$path: $!\\n";
ioctl($tty, 0x20007461, 0);
my $size = pack("S4", $rows, $columns, 0, 0);
ioctl($tty, 0x80087467, $size) or die "TIOCSWINSZ: $!\\n";
${PERL_ON_THE_TTY}`;

const ON_LINUX = [
  ['perl', '-e', PERL],
  ['python3', '-I', '-c', PYTHON],
] as const;

export function openersOn(platform: string): readonly (readonly string[])[] {
  return platform === 'darwin' ? [['perl', '-e', PERL_ON_A_MAC]] : ON_LINUX;
}
