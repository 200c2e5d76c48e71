#!/bin/bash
# One run over the tasks of one job: srun starts them all at once, and each computes one shard (SLURM_PROCID of
# SLURM_NTASKS). For a few whole nodes; an array (array.sh) starts sooner on a busy cluster, and loses less when a node
# fails. Copy it, edit the lines below, submit:
#
#   sbatch srun.sh
#   featx inspect out        how far it is; the same sbatch goes on with what is missing
#   featx merge out          when all are done
#
# The number of tasks is the run's number of shards: keep it when you submit again.

#SBATCH --job-name=featx
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=2
#SBATCH --cpus-per-task=4
#SBATCH --mem=16G
#SBATCH --time=04:00:00
#SBATCH --output=featx_%j.log
#SBATCH --open-mode=append
#SBATCH --requeue
# Two minutes before the time is over, SIGUSR1 to the tasks: they write what they have, and the job goes back into the
# queue.
#SBATCH --signal=USR1@120
# For GPUs, one a task; take --device cuda into the command below too.
##SBATCH --gpus-per-task=1

MODEL=${MODEL:-models/vgg16.pt}
LAYERS=${LAYERS:-features.30}
IMAGES=${IMAGES:-images}
OUT=${OUT:-out}

# Since Slurm 22.05 srun does not take --cpus-per-task over from sbatch. Tasks of a node share its --mem. A task that
# fails must not take the others with it: --kill-on-bad-exit=0.
srun --cpus-per-task="${SLURM_CPUS_PER_TASK:-1}" --kill-on-bad-exit=0 --label \
    "${FEATX:-featx}" extract --model "$MODEL" --layer "$LAYERS" --out "$OUT" --quiet "$@" "$IMAGES"
code=$?

# 128 + 10: tasks were stopped by SIGUSR1, with work left.
if [ $code -eq 138 ]; then
    scontrol requeue "$SLURM_JOB_ID"
fi
exit $code
