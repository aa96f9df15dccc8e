# Takes connections from many addresses of one link, as no program of ours can: Deno binds no address before it connects.
# Arguments: INDEX SERVER PORT COUNT. 60 at a time that say nothing, each from the next of fe80::a:1 to fe80::a:COUNT (COUNT in
# hexadecimal there); a connection that the server closes is made anew at once. Until it is ended.
use strict;
use warnings;
use Socket qw(:DEFAULT inet_pton pack_sockaddr_in6);

my ($index, $server, $port, $count) = @ARGV;
my $to = pack_sockaddr_in6($port, inet_pton(AF_INET6, $server), $index);
$| = 1;
my $parent = $$;
for my $slot (0 .. 59) {
    my $pid = fork // die "fork: $!";
    next if $pid;
    for (my $made = 0; getppid() == $parent; $made++) {
        my $from = sprintf 'fe80::a:%x', ($slot + $made * 60) % $count + 1;
        socket(my $socket, AF_INET6, SOCK_STREAM, 0) or die "socket: $!";
        bind($socket, pack_sockaddr_in6(0, inet_pton(AF_INET6, $from), $index)) or die "bind $from: $!";
        if (connect($socket, $to)) { while (sysread $socket, my $bytes, 4096) { } }
        close $socket;
        print "twenty were lost\n" if $slot == 0 && $made == 20;
    }
    exit;
}
1 while wait != -1;
