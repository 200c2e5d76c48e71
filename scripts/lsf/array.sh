#!/bin/bash
# One run over a job array of LSF: each element computes one shard. Copy it, edit the lines below, submit:
#
#   bsub < array.sh                                all shards
#   featx inspect out                              which are done, running, missing
#   bsub -J "featx[4,13-16]" < array.sh            what inspect names, once more
#   featx merge out                                when all are done
#
# Elements count from 1, shards from 0. They may start in any order, at once or on different days: the first searches the
# images for all of them. One that is stopped keeps what it has computed.

#BSUB -J "featx[1-64]"
#BSUB -n 4
#BSUB -R "span[hosts=1]"
#BSUB -M 8GB
#BSUB -W 4:00
#BSUB -o featx_%J_%I.log
#BSUB -r
# Two minutes before the time is over, SIGUSR1: featx writes what it has.
#BSUB -wa USR1
#BSUB -wt 2

MODEL=${MODEL:-models/vgg16.pt}
LAYERS=${LAYERS:-features.30}
IMAGES=${IMAGES:-images}
OUT=${OUT:-out}
SHARDS=${SHARDS:-64}            # as many as the array has, at the first submission
RAM_BUDGET=${RAM_BUDGET:-6GB}   # below what the job asks for: not every site tells a job its memory

exec "${FEATX:-featx}" extract --model "$MODEL" --layer "$LAYERS" --out "$OUT" --quiet --ram-budget "$RAM_BUDGET" \
    --shard "$((LSB_JOBINDEX - 1))/$SHARDS" "$@" "$IMAGES"
