# Prints each word with how often it comes.

{
    count[$1]++
}

END {
    for (word in count) {
        printf "%d\t%s\n", count[word], word
        distinct++
    }
    printf "{\"metric\": \"words\", \"value\": %d}\n", NR >> ENVIRON["SUNDAE_MESSAGES"]
    printf "{\"metric\": \"distinct_words\", \"value\": %d}\n", distinct >> ENVIRON["SUNDAE_MESSAGES"]
}
