#!/bin/bash
# One run over a job array of PBS (OpenPBS, PBS Professional): each subjob computes one shard. Copy it, edit the lines
# below, submit:
#
#   qsub array.sh                          all shards
#   featx inspect out                      which are done, running, missing
#   qsub -J 12-15 array.sh                 what inspect names, once more
#   featx merge out                        when all are done
#
# An array has two subjobs at least; a single shard is a job of its own: qsub -J would refuse it, so say which it is:
#   qsub -v PBS_ARRAY_INDEX=12 single.sh   single.sh is this file without its line "#PBS -J"
#
# Subjobs may start in any order, at once or on different days: the first searches the images for all of them. One that
# is stopped keeps what it has computed.

#PBS -N featx
#PBS -J 0-63
#PBS -l select=1:ncpus=4:mem=8gb
#PBS -l walltime=04:00:00
#PBS -j oe
#PBS -r y

MODEL=${MODEL:-models/vgg16.pt}
LAYERS=${LAYERS:-features.30}
IMAGES=${IMAGES:-images}
OUT=${OUT:-out}
SHARDS=${SHARDS:-64}            # as many as the array has, at the first submission
RAM_BUDGET=${RAM_BUDGET:-6GB}   # below what the job asks for: not every site tells a job its memory

cd "${PBS_O_WORKDIR:-.}" || exit 1
# In the place of the shell: the SIGTERM before the end of the time reaches featx.
exec "${FEATX:-featx}" extract --model "$MODEL" --layer "$LAYERS" --out "$OUT" --quiet --ram-budget "$RAM_BUDGET" \
    --shard "$PBS_ARRAY_INDEX/$SHARDS" "$@" "$IMAGES"
