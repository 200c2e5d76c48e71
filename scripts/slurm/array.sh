#!/bin/bash
# One run over a Slurm job array: each task computes one shard. Copy it, edit the lines below, submit:
#
#   sbatch array.sh                        all shards; --array=0-63%16: at most 16 at once
#   featx inspect out                      which are done, running, missing
#   sbatch --array=3,7 array.sh            those that inspect names, once more
#   OFFSET=1000 sbatch --array=0-499 array.sh       shards 1000 to 1499: beyond Slurm's MaxArraySize, mostly 1001
#   featx merge out                        when all are done
#
# Tasks may start in any order, at once or on different days: the first searches the images for all of them. A task that
# is cancelled, preempted or requeued keeps what it has computed.

#SBATCH --job-name=featx
#SBATCH --array=0-63
#SBATCH --ntasks=1
#SBATCH --cpus-per-task=4
#SBATCH --mem=8G
#SBATCH --time=04:00:00
#SBATCH --output=featx_%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
# Two minutes before the time is over, SIGUSR1: featx writes what it has, and the task goes back into the queue.
#SBATCH --signal=B:USR1@120
# For GPUs, take --device cuda into the command below too.
##SBATCH --gpus-per-task=1

MODEL=${MODEL:-models/vgg16.pt}
LAYERS=${LAYERS:-features.30}
IMAGES=${IMAGES:-images}
OUT=${OUT:-out}
SHARDS=${SHARDS:-64}    # as many as --array has, at the first submission
OFFSET=${OFFSET:-0}

# Cores and memory follow from --cpus-per-task and --mem; --ram-budget is 80 % of the memory, at most 8 GB.
# In the background, so that the shell hears SIGUSR1 while it waits.
"${FEATX:-featx}" extract --model "$MODEL" --layer "$LAYERS" --out "$OUT" --quiet \
    --shard "$((SLURM_ARRAY_TASK_ID + OFFSET))/$SHARDS" "$@" "$IMAGES" &
featx=$!
trap 'kill -USR1 $featx 2> /dev/null' USR1
trap 'kill -TERM $featx 2> /dev/null' TERM
wait $featx
code=$?
# A signal ends the first wait, not featx.
while kill -0 $featx 2> /dev/null; do
    wait $featx
    code=$?
done

# 128 + 10: stopped by SIGUSR1, with work left. Not SLURM_JOB_ID, which in one of the tasks is that of the whole array.
if [ $code -eq 138 ]; then
    scontrol requeue "${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID"
fi
exit $code
