# A bar chart of the most frequent words that are not too short.
use strict;
use warnings;

my ($top, $shortest) = @ENV{qw(SUNDAE_PARAM_TOP SUNDAE_PARAM_SHORTEST)};

open my $counts, '<', $ENV{SUNDAE_IN_COUNTS} or die "cannot read the counts: $!\n";
my @words = grep { length $_->[1] >= $shortest } map { chomp; [split /\t/] } <$counts>;
splice @words, $top if @words > $top;
die "no word has $shortest letters\n" unless @words;

open my $table, '>', $ENV{SUNDAE_OUT_TABLE} or die "cannot write the table: $!\n";
printf $table "%-10s %2d %s\n", $_->[1], $_->[0], '#' x $_->[0] for @words;
close $table or die "cannot write the table: $!\n";

open my $messages, '>>', $ENV{SUNDAE_MESSAGES} or die "cannot say anything: $!\n";
print $messages qq({"note": "the most frequent word is '$words[0][1]'"}\n);
