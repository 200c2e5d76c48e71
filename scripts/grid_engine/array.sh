#!/bin/bash
# One run over an array job of Grid Engine: each task computes one shard. Copy it, edit the lines below, submit:
#
#   qsub array.sh                          all shards
#   featx inspect out                      which are done, running, missing
#   qsub -t 4 array.sh                     what inspect names, once more
#   featx merge out                        when all are done
#
# Tasks count from 1, shards from 0. They may start in any order, at once or on different days: the first searches the
# images for all of them. A task that is stopped keeps what it has computed.

#$ -N featx
#$ -t 1-64
#$ -pe smp 4
#$ -l h_rt=04:00:00
#$ -cwd
#$ -j y
#$ -r y
# SIGUSR1 before a task is suspended, SIGUSR2 before it is killed: featx writes what it has.
#$ -notify

MODEL=${MODEL:-models/vgg16.pt}
LAYERS=${LAYERS:-features.30}
IMAGES=${IMAGES:-images}
OUT=${OUT:-out}
SHARDS=${SHARDS:-64}            # as many as the array has, at the first submission
RAM_BUDGET=${RAM_BUDGET:-6GB}   # below what the job asks for: not every site tells a job its memory

# Grid Engine signals the shell too, which has to live until featx has ended.
trap : USR1 USR2 XCPU
"${FEATX:-featx}" extract --model "$MODEL" --layer "$LAYERS" --out "$OUT" --quiet --ram-budget "$RAM_BUDGET" \
    --shard "$((SGE_TASK_ID - 1))/$SHARDS" "$@" "$IMAGES"
